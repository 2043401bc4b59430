/** What the client of a handshake benchmark reports. */
export interface Handshakes {
  count: number;
  ms: number;
}

/** Repeats a handshake, one at a time, for a while. */
export async function repeat(handshake: () => Promise<void>, ms: number): Promise<Handshakes> {
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < ms; count++) await handshake();
  return { count, ms: performance.now() - start };
}
