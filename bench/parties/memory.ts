import { setTimeout as sleep } from 'node:timers/promises';

/** Resident memory of this process once everything that can go has gone, bytes. Needs --expose-gc. */
export async function residentMemory(): Promise<number> {
  // Objects that wait for a timer or a finalizer go in the second round.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await sleep(100);
  }
  return process.memoryUsage.rss();
}
