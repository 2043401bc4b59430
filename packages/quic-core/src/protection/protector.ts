/**
 * Packet protection as a batch interface (RFC 9001 §5). Four implementations stand behind it: portable (in this folder), node:crypto and
 * WebAssembly (in the `./node` subpath) and testkit's fake one.
 */
import type { AeadAlgorithm } from '@mquictt/tls13';

/**
 * Packets to seal or open with one key, as parallel arrays over one buffer. For packet i:
 *
 *   headerStart          payloadStart                 payloadEnd
 *   | header (AAD) ......| payload ...................| 16 bytes of room for the tag when sealing
 *
 * When opening, payloadEnd is the end of the tag, and `ok[i]` tells the outcome (1 opened, 0 refused).
 */
export class PacketBatch {
  readonly capacity: number;
  readonly headerStart: Int32Array;
  readonly payloadStart: Int32Array;
  readonly payloadEnd: Int32Array;
  readonly packetNumber: Float64Array;
  readonly ok: Uint8Array;
  count: number = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.headerStart = new Int32Array(capacity);
    this.payloadStart = new Int32Array(capacity);
    this.payloadEnd = new Int32Array(capacity);
    this.packetNumber = new Float64Array(capacity);
    this.ok = new Uint8Array(capacity);
  }

  add(headerStart: number, payloadStart: number, payloadEnd: number, packetNumber: number): void {
    const i = this.count++;
    this.headerStart[i] = headerStart;
    this.payloadStart[i] = payloadStart;
    this.payloadEnd[i] = payloadEnd;
    this.packetNumber[i] = packetNumber;
  }
}

/** One AEAD key of one direction and key phase. Nonce = iv XOR packet number (RFC 9001 §5.3). */
export interface PacketKey {
  /** Encrypts each payload in place and writes its 16-byte tag at payloadEnd. */
  seal(buffer: Uint8Array, batch: PacketBatch): void;
  /** Decrypts each payload in place and sets ok. A refused payload's bytes are undefined afterwards. Never throws for peer input. */
  open(buffer: Uint8Array, batch: PacketBatch): void;
}

/** One header-protection key (RFC 9001 §5.4). It stays the same over key updates. */
export interface HeaderKey {
  /**
   * Computes masks: for i < count, out[i*5 .. i*5+5) is the mask of the 16-byte sample at buffer[sampleStart[i]].
   * `out` is the caller's.
   */
  masks(buffer: Uint8Array, sampleStart: Int32Array, count: number, out: Uint8Array): void;
}

/** Makes keys. Stateless; handed to the endpoint in its configuration. */
export interface PacketProtector {
  readonly name: string;
  /** The algorithm that it is clearly the fastest with: its cipher suite is then put first. Undefined where nothing speaks against AES. */
  readonly prefers?: AeadAlgorithm | undefined;
  /** @param iv 12 bytes */
  packetKey(algorithm: AeadAlgorithm, key: Uint8Array, iv: Uint8Array): PacketKey;
  headerKey(algorithm: AeadAlgorithm, key: Uint8Array): HeaderKey;
}

/** Length of every AEAD tag, bytes. */
export const TAG_LENGTH = 16;
/** Length of the header-protection sample, bytes (RFC 9001 §5.4.2). */
export const SAMPLE_LENGTH = 16;
/** Bytes of mask that header protection uses. */
export const MASK_LENGTH = 5;
