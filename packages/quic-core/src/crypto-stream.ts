/**
 * The CRYPTO stream of one encryption level (RFC 9000 §19.6): handshake bytes out, reassembled handshake bytes in, within a bound.
 *
 * There is no flow control on CRYPTO frames, so the window in limits.ts is what keeps a peer from growing memory.
 */
import type { Writer } from './cursor.ts';

import { TransportError, TransportErrorCode } from './errors.ts';
import { cryptoDataCapacity, writeCryptoHeader } from './frames/crypto.ts';
import { FrameType } from './frames/frame-type.ts';
import { CRYPTO_WINDOW, MAX_CRYPTO_GAPS } from './limits.ts';
import { Carried, type SentPacket } from './recovery/sent-packet.ts';
import { Assembler } from './streams/assembler.ts';
import { SendBuffer } from './streams/send-buffer.ts';

/** Frames smaller than this are not begun at the end of a packet: the header would outweigh the bytes. */
const MIN_USEFUL = 16;

export class CryptoStream {
  #out: SendBuffer = new SendBuffer();
  #in: Assembler = new Assembler(MAX_CRYPTO_GAPS);
  readonly #maxLength: number;

  /** @param maxLength bytes that may come altogether */
  constructor(maxLength: number = Infinity) {
    this.#maxLength = maxLength;
  }

  /** Queues handshake bytes behind all earlier ones of this level. */
  write(data: Uint8Array): void {
    this.#out.write(data);
  }

  hasPending(): boolean {
    return this.#out.hasPending();
  }

  /** Whether bytes sent at this level are not yet acknowledged. */
  get isOutstanding(): boolean {
    return this.#out.length > 0;
  }

  /** Fills CRYPTO frames into what is left of the packet. */
  writeFrames(writer: Writer, packet: SentPacket): void {
    const out = this.#out;
    while (out.hasPending()) {
      const offset = out.pendingOffset;
      const length = Math.min(out.pendingLength, cryptoDataCapacity(offset, writer.remaining));
      if (length <= 0 || (length < MIN_USEFUL && length < out.pendingLength)) return;
      writeCryptoHeader(writer, offset, length);
      out.copy(offset, length, writer.buffer, writer.position);
      writer.position += length;
      out.markSent(offset, length);
      packet.carry(Carried.CRYPTO, offset, length, 0);
    }
  }

  onAcked(offset: number, length: number): void {
    this.#out.onAcked(offset, length);
  }

  onLost(offset: number, length: number): void {
    this.#out.onLost(offset, length);
  }

  /** Whether bytes up to `endOffset` have all been read. */
  isRead(endOffset: number): boolean {
    return endOffset <= this.#in.readOffset;
  }

  /** @throws TransportError CRYPTO_BUFFER_EXCEEDED */
  onFrame(offset: number, buffer: Uint8Array, start: number, end: number): void {
    const input = this.#in;
    // RFC 9000 §7.5: buffer at least 4096 bytes; beyond our window the connection ends.
    const limit = Math.min(input.readOffset + CRYPTO_WINDOW, this.#maxLength);
    if (offset + (end - start) > limit || !input.insert(offset, buffer, start, end)) {
      throw new TransportError(
        TransportErrorCode.CRYPTO_BUFFER_EXCEEDED,
        `CRYPTO data at offset ${offset} ends beyond ${limit} or is too fragmented`,
        FrameType.CRYPTO,
      );
    }
  }

  /** The next handshake bytes in order, undefined when there are none. */
  read(): Uint8Array | undefined {
    return this.#in.read(CRYPTO_WINDOW);
  }

  /** Whether bytes wait behind a gap: at a key change none may (RFC 9001 §4.1.3). */
  get hasGap(): boolean {
    return this.#in.highestOffset > this.#in.readOffset;
  }

  /** The keys of the level are gone: what was sent and never acknowledged, and what waits behind a gap, is kept no longer. */
  release(): void {
    this.#out = NOTHING_OUT;
    this.#in = NOTHING_IN;
  }
}

/** Stand in for the buffers of all levels that are over. Nothing is written to them, as nothing reads frames or secrets of such a level. */
const NOTHING_OUT = new SendBuffer();
const NOTHING_IN = new Assembler(MAX_CRYPTO_GAPS);
