/**
 * Several addresses of one name, tried in their order with a head start each (after RFC 8305): the first whose handshake completes
 * wins, the others are given up.
 */
import { QuicError } from '@mquictt/quic-core';
import type { QuicConnection } from './connection.ts';
import type { Runtime, Timer } from './runtime.ts';

/** One address being tried. */
export interface Attempt {
  /** Rejects when this address came to nothing. */
  readonly result: Promise<QuicConnection>;
  abort(): void;
}

/** Head start of an address over the next one, ms (RFC 8305 §5 recommends 250). */
const HEAD_START = 250;

/**
 * @param start begins an attempt with one address
 * @returns the winner and a way to give all of it up; when all fail, the error that says most
 */
export function raceAttempts(
  runtime: Runtime,
  addresses: readonly string[],
  start: (address: string) => Attempt,
): Attempt {
  const running = new Set<Attempt>();
  const errors: unknown[] = [];
  let next = 0;
  let isOver = false;
  let timer: Timer | undefined = undefined;

  const abort = (except?: Attempt): void => {
    isOver = true;
    timer?.clear();
    for (const attempt of running) if (attempt !== except) attempt.abort();
    running.clear();
  };

  const result = new Promise<QuicConnection>((resolve, reject) => {
    const startNext = (): void => {
      if (isOver || next === addresses.length) return;
      const attempt = start(addresses[next++]!);
      running.add(attempt);
      if (next < addresses.length) {
        timer ??= runtime.createTimer(startNext);
        timer.set(runtime.now() + HEAD_START);
      }
      attempt.result.then(
        (connection) => {
          if (isOver) return;
          abort(attempt);
          resolve(connection);
        },
        (error: unknown) => {
          running.delete(attempt);
          errors.push(error);
          if (next < addresses.length) startNext();
          else if (running.size === 0) reject(mostTelling(errors));
        },
      );
    };
    startNext();
  });
  return { result, abort };
}

/** An answer says more than silence, and the preferred address more than the others. */
function mostTelling(errors: readonly unknown[]): unknown {
  return errors.find((error) => error instanceof QuicError && error.fault !== 'timeout') ?? errors[0];
}
