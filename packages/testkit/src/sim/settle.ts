/**
 * Runs code with promises in virtual time: between two moments of it, the real event loop turns, so that whatever waits for a promise, a tick or an
 * immediate gets on before the clock does. Real time plays no part: a promise that needs any (a file, a thread) is not waited for.
 */
import type { Simulation } from './simulation.ts';

/** Promises, streams and immediates may start one another a few times before all is quiet. */
const LOOP_TURNS = 3;

export interface SettleOptions {
  /** Virtual ms after which it gives up. @default 600_000 */
  readonly limitMs?: number;
}

/**
 * Lets virtual time pass until the promise settles.
 * @returns what the promise gives
 * @throws what the promise throws; Error naming the seed when the limit is reached or nothing is pending any more
 *
 * @example
 * const connection = await settle(simulation, connect({ runtime, ... }));
 */
export async function settle<T>(
  simulation: Simulation,
  promise: Promise<T> | T,
  options: SettleOptions = {},
): Promise<T> {
  const deadline = simulation.now + (options.limitMs ?? 600_000);
  let isSettled = false;
  const settled = Promise.resolve(promise);
  const note = (): void => {
    isSettled = true;
  };
  settled.then(note, note);
  for (;;) {
    await turnLoop();
    if (isSettled) return settled;
    const next = simulation.nextTime;
    if (next === Infinity) throw new Error(`Nothing is pending at ${simulation.now} ms, SEED=${simulation.seed}`);
    if (next > deadline) throw new Error(`Not settled by ${deadline} ms, SEED=${simulation.seed}`);
    // All of one moment, what it starts at the same moment included.
    while (simulation.nextTime === next) simulation.step();
  }
}

/** Lets virtual time pass: everything up to `ms` from now happens, with the event loop turning in between. */
export async function settleFor(simulation: Simulation, ms: number): Promise<void> {
  const end = simulation.now + ms;
  simulation.at(end, () => {});
  while (simulation.now < end) {
    await turnLoop();
    const next = simulation.nextTime;
    while (simulation.nextTime === next) simulation.step();
  }
  await turnLoop();
}

async function turnLoop(): Promise<void> {
  for (let i = 0; i < LOOP_TURNS; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
