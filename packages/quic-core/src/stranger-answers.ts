/**
 * Answers to datagrams that belong to no connection: version negotiation (RFC 9000 §6), refusals (§5.2.2) and stateless resets (§10.3). None of them keeps state, each
 * is smaller than what it answers, and all together are bounded per second, so that they serve nobody as a reflector.
 */
import type { CryptoProvider, Random } from '@mquictt/tls13';
import { utf8 } from './bytes.ts';
import { Writer } from './cursor.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { TransportErrorCode } from './errors.ts';
import { connectionCloseSize, writeConnectionClose } from './frames/close.ts';
import { MAX_STRANGER_ANSWERS_PER_SECOND, MIN_DATAGRAM_SIZE, MIN_STATELESS_RESET_SIZE } from './limits.ts';
import {
  longHeaderSize,
  PacketType,
  setPacketLength,
  versionNegotiationSize,
  writeLongHeader,
  writeVersionNegotiation,
  type PacketHeader,
} from './packet-header.ts';
import { protectHeader } from './protection/header-protection.ts';
import { derivePacketKeys, INITIAL_SUITE, initialSecrets } from './protection/keys.ts';
import { MASK_LENGTH, PacketBatch, TAG_LENGTH, type PacketProtector } from './protection/protector.ts';
import { findVersion, VERSIONS } from './version.ts';

/** A reset needs not be longer than a short packet with an ACK. */
const MAX_RESET_SIZE = 42;
const NO_TOKEN = new Uint8Array(0);

/** Asked only for answers that are sent: a token costs a hash, which a flood should not get for nothing. */
export interface ResetTokenSource {
  statelessResetToken(id: Uint8Array): Uint8Array;
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly socket: number;
  readonly address: string;
  readonly port: number;
}

export class StrangerAnswers {
  readonly #provider: CryptoProvider;
  readonly #protector: PacketProtector;
  readonly #random: Random;
  readonly #answers: Answer[] = [];
  #allowance: number = MAX_STRANGER_ANSWERS_PER_SECOND;
  #lastTime: number = 0;

  constructor(provider: CryptoProvider, protector: PacketProtector, random: Random) {
    this.#provider = provider;
    this.#protector = protector;
    this.#random = random;
  }

  get pendingCount(): number {
    return this.#answers.length;
  }

  /** A long header of a version that we do not speak, in datagram i. */
  negotiateVersion(batch: DatagramBatch, i: number, header: PacketHeader, now: number): void {
    // RFC 9000 §6.1: only to datagrams that would be large enough to start a connection.
    if (batch.end[i]! - batch.start[i]! < MIN_DATAGRAM_SIZE || !this.#take(now)) return;
    const bytes = new Uint8Array(versionNegotiationSize(header, VERSIONS.length));
    const writer = new Writer().reset(bytes, 0, bytes.length);
    const versions = VERSIONS.map((row) => row.version);
    writeVersionNegotiation(writer, this.#randomByte(), batch.buffer, header, versions);
    this.#push(batch, i, bytes);
  }

  /** An Initial that is not accepted, in datagram i: CONNECTION_CLOSE with CONNECTION_REFUSED. */
  refuse(batch: DatagramBatch, i: number, header: PacketHeader, reason: string, now: number): void {
    const version = findVersion(header.version);
    if (version === undefined || !this.#take(now)) return;
    const { buffer } = batch;
    const dcid = buffer.slice(header.dcidStart, header.dcidStart + header.dcidLength);
    const scid = buffer.slice(header.scidStart, header.scidStart + header.scidLength);
    const secrets = initialSecrets(this.#provider, version, dcid);
    const keys = derivePacketKeys(this.#provider, this.#protector, version, INITIAL_SUITE, secrets.server);
    const text = utf8(reason);
    const errorCode = TransportErrorCode.CONNECTION_REFUSED;
    const payloadSize = connectionCloseSize(false, errorCode, 0, text.length);
    const size = longHeaderSize(PacketType.INITIAL, scid.length, dcid.length, 0, 1) + payloadSize + TAG_LENGTH;
    const bytes = new Uint8Array(size);
    const writer = new Writer().reset(bytes, 0, size - TAG_LENGTH);
    const lengthOffset = writeLongHeader(writer, version, PacketType.INITIAL, scid, dcid, NO_TOKEN, 0, 1);
    const payloadStart = writer.position;
    writeConnectionClose(writer, false, errorCode, 0, text);
    setPacketLength(bytes, lengthOffset, size);
    const packet = new PacketBatch(1);
    packet.add(0, payloadStart, writer.position, 0);
    keys.packetKey.seal(bytes, packet);
    const mask = new Uint8Array(MASK_LENGTH);
    keys.headerKey.masks(bytes, Int32Array.of(payloadStart - 1 + 4), 1, mask);
    protectHeader(bytes, 0, payloadStart - 1, 1, mask, 0);
    this.#push(batch, i, bytes);
  }

  /** A 1-RTT packet for a connection that is not known (any more), in datagram i. */
  reset(batch: DatagramBatch, i: number, header: PacketHeader, tokens: ResetTokenSource, now: number): void {
    // RFC 9000 §10.3.3: always smaller than the trigger, so that two endpoints cannot reset each other for ever.
    const size = Math.min(batch.end[i]! - batch.start[i]! - 1, MAX_RESET_SIZE);
    if (size < MIN_STATELESS_RESET_SIZE || !this.#take(now)) return;
    const bytes = new Uint8Array(size);
    this.#random.fillPublic(bytes);
    bytes[0] = 0x40 | (bytes[0]! & 0x3f);
    const { dcidStart, dcidLength } = header;
    const token = tokens.statelessResetToken(batch.buffer.subarray(dcidStart, dcidStart + dcidLength));
    bytes.set(token, size - token.length);
    this.#push(batch, i, bytes);
  }

  /** Appends waiting answers to the batch. @returns how many */
  pollTransmit(batch: DatagramBatch): number {
    let count = 0;
    for (let answer = this.#answers.pop(); answer !== undefined; answer = this.#answers.pop()) {
      if (!batch.push(answer.bytes, answer.socket, answer.address, answer.port, 0)) {
        this.#answers.push(answer);
        return count;
      }
      count++;
    }
    return count;
  }

  /** One token of a bucket that refills over a second. */
  #take(now: number): boolean {
    const refill = ((now - this.#lastTime) * MAX_STRANGER_ANSWERS_PER_SECOND) / 1000;
    this.#allowance = Math.min(MAX_STRANGER_ANSWERS_PER_SECOND, this.#allowance + refill);
    this.#lastTime = now;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }

  #push(batch: DatagramBatch, i: number, bytes: Uint8Array): void {
    this.#answers.push({ bytes, socket: batch.socket[i]!, address: batch.address[i]!, port: batch.port[i]! });
  }

  #randomByte(): number {
    const byte = new Uint8Array(1);
    this.#random.fillPublic(byte);
    return byte[0]!;
  }
}
