/**
 * Packets that are written and now get their protection (RFC 9001 §5): long headers one by one, 1-RTT packets in runs, each run with one call to the AEAD and
 * one to header protection.
 */
import type { ConnectionContext } from './connection-context.ts';
import { setPacketLength } from './packet-header.ts';
import { protectHeader } from './protection/header-protection.ts';
import { MASK_LENGTH, PacketBatch, TAG_LENGTH } from './protection/protector.ts';
import { Space } from './recovery/spaces.ts';

/** 1-RTT packets sealed together, at most. */
export const MAX_SEAL_RUN = 64;
/** RFC 9001 §5.4.2: the sample begins so many bytes after the start of the packet number. */
const SAMPLE_OFFSET = 4;

// Scratch of synchronous calls, shared by all connections of the thread: a run never outlives the call that fills a batch.
const single = new PacketBatch(1);
const run = new PacketBatch(MAX_SEAL_RUN);
const runNumberLength = new Int32Array(MAX_SEAL_RUN);
const sampleStarts = new Int32Array(MAX_SEAL_RUN);
const masks = new Uint8Array(MAX_SEAL_RUN * MASK_LENGTH);

/** Where the parts of a written packet are, as indexes into the buffer. */
export class PacketLayout {
  headerStart: number = 0;
  /** Of the Length field of a long header. */
  lengthOffset: number = 0;
  payloadStart: number = 0;
  /** 1..4; the packet number ends where the payload begins. */
  numberLength: number = 0;
}

export function isRunFull(): boolean {
  return run.count === MAX_SEAL_RUN;
}

/** Seals a packet whose payload ends at `payloadEnd`, or adds it to the run: sealRun() must follow before the datagrams leave. */
export function sealPacket(
  context: ConnectionContext,
  index: Space,
  buffer: Uint8Array,
  layout: PacketLayout,
  payloadEnd: number,
  packetNumber: number,
): void {
  const { headerStart, payloadStart, numberLength } = layout;
  if (index === Space.APPLICATION) {
    runNumberLength[run.count] = numberLength;
    run.add(headerStart, payloadStart, payloadEnd, packetNumber);
    return;
  }
  setPacketLength(buffer, layout.lengthOffset, payloadEnd + TAG_LENGTH);
  const keys = context.spaces[index].writeKeys!;
  single.count = 0;
  single.add(headerStart, payloadStart, payloadEnd, packetNumber);
  keys.packetKey.seal(buffer, single);
  const numberOffset = payloadStart - numberLength;
  sampleStarts[0] = numberOffset + SAMPLE_OFFSET;
  keys.headerKey.masks(buffer, sampleStarts, 1, masks);
  protectHeader(buffer, headerStart, numberOffset, numberLength, masks, 0);
}

/** Seals the 1-RTT packets of the run. */
export function sealRun(context: ConnectionContext, buffer: Uint8Array): void {
  const count = run.count;
  if (count === 0) return;
  const keys = context.applicationKeys;
  keys.writeKey!.seal(buffer, run);
  for (let i = 0; i < count; i++) sampleStarts[i] = run.payloadStart[i]! - runNumberLength[i]! + SAMPLE_OFFSET;
  keys.writeHeaderKey!.masks(buffer, sampleStarts, count, masks);
  for (let i = 0; i < count; i++) {
    const numberLength = runNumberLength[i]!;
    const numberOffset = run.payloadStart[i]! - numberLength;
    protectHeader(buffer, run.headerStart[i]!, numberOffset, numberLength, masks, i * MASK_LENGTH);
  }
  run.count = 0;
}
