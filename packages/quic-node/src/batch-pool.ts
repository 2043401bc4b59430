/**
 * Datagram batches that all drivers of a process share. A batch is needed only from the first datagram of a poll phase to the end of
 * the turn, or while something is being sent: a thousand idle clients hold none.
 */
import { DatagramBatch } from '@mquictt/quic-core';

/** Datagrams per batch: libuv delivers up to 32 in one poll phase. */
export const BATCH_CAPACITY = 64;
/** Bytes per batch. Room for 64 datagrams of an ordinary path, and for 16 of the largest kind. */
const BATCH_BYTES = 1_048_576;
/** Batches kept for the next use. Only the pages that were written to cost memory. */
const MAX_FREE = 4;

const free: DatagramBatch[] = [];

export function takeBatch(): DatagramBatch {
  return free.pop() ?? new DatagramBatch(BATCH_CAPACITY, BATCH_BYTES);
}

export function returnBatch(batch: DatagramBatch): void {
  batch.clear();
  if (free.length < MAX_FREE) free.push(batch);
}
