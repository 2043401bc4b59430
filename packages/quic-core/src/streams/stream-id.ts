/** The numbers in a stream ID (RFC 9000 §2.1): who opened it, which ways it goes, and how many of its kind came before. */

/** Largest urgency value: last in line. */
export const MAX_URGENCY = 7;
export const DEFAULT_URGENCY = 3;

/** @param index 0 for the first stream of its kind */
export function streamId(index: number, isClient: boolean, bidirectional: boolean): number {
  return index * 4 + (bidirectional ? 0 : 2) + (isClient ? 0 : 1);
}

/** Position among the streams of its kind. */
export function streamIndex(id: number): number {
  return Math.floor(id / 4);
}

export function isBidirectional(id: number): boolean {
  return (id & 2) === 0;
}

export function isClientInitiated(id: number): boolean {
  return (id & 1) === 0;
}
