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

/** Opens connections, a few at a time. */
export async function openMany<T>(open: () => Promise<T>, count: number): Promise<T[]> {
  const opened: T[] = [];
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started++ < count) opened.push(await open());
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return opened;
}
