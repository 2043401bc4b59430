/**
 * The way in: datagrams of one connection, staged as header, unmask, decrypt, frames (RFC 9000 §12, RFC 9001 §5).
 *
 * Runs of 1-RTT packets are unmasked with one call and opened with another; everything else goes one by one. A packet that does not open changes nothing but
 * counters. What an opened packet does wrong ends the connection: those errors are exceptions, caught in connection.ts.
 */
import type { ReadPhase } from './application-keys.ts';
import { connectionIdKey, ConnectionId } from './connection-id.ts';
import type { ConnectionContext } from './connection-context.ts';
import { Reader } from './cursor.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { EarlyPackets } from './early-packets.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import type { FrameHandlers } from './frame-handlers.ts';
import { PacketContent, readFrames } from './frames/read-frames.ts';
import type { HandshakeDriver } from './handshake-driver.ts';
import { INTEGRITY_LIMIT, MIN_DATAGRAM_SIZE } from './limits.ts';
import {
  KEY_PHASE_BIT,
  LONG_RESERVED_BITS,
  PacketHeader,
  PacketType,
  readHeader,
  SHORT_RESERVED_BITS,
} from './packet-header.ts';
import { decodePacketNumber, readPacketNumber } from './packet-number.ts';
import type { Path } from './path.ts';
import { followPeer, pathOf } from './paths.ts';
import { unprotectHeader } from './protection/header-protection.ts';
import { MASK_LENGTH, PacketBatch, TAG_LENGTH } from './protection/protector.ts';
import { Space } from './recovery/spaces.ts';
import { heedVersionNegotiation, obeyRetry } from './first-answers.ts';

/** 1-RTT packets unmasked and opened together. Node delivers at most 32 datagrams per poll. */
const MAX_RUN = 64;

// Scratch of synchronous calls, shared by all connections of the thread.
const header = new PacketHeader();
const frameReader = new Reader();
const run = new PacketBatch(MAX_RUN);
const single = new PacketBatch(1);
const sampleStarts = new Int32Array(MAX_RUN);
const masks = new Uint8Array(MAX_RUN * MASK_LENGTH);
const runHeaderStart = new Int32Array(MAX_RUN);
const runNumberOffset = new Int32Array(MAX_RUN);
const runEnd = new Int32Array(MAX_RUN);

export class PacketReader {
  readonly #context: ConnectionContext;
  readonly #handlers: FrameHandlers;
  readonly #driver: HandshakeDriver;
  readonly #early: EarlyPackets = new EarlyPackets();
  /** Of the early packet at hand; Infinity when there is none. */
  #arrivalTime: number = Infinity;
  /** Of the datagram at hand. */
  #datagramSize: number = 0;

  constructor(context: ConnectionContext, handlers: FrameHandlers, driver: HandshakeDriver) {
    this.#context = context;
    this.#handlers = handlers;
    this.#driver = driver;
  }

  /**
   * Takes datagrams from..to of the batch. @throws TransportError, or anything a bug throws
   */
  read(batch: DatagramBatch, from: number, to: number, now: number): void {
    const context = this.#context;
    for (let i = from; i < to;) {
      const size = batch.end[i]! - batch.start[i]!;
      context.datagramsReceived++;
      context.bytesReceived += size;
      const path = pathOf(context, batch, i);
      path.bytesReceived += size;
      // RFC 9000 §9: "If a client receives packets from an unknown server address, the client MUST discard these packets."
      if (context.isClient && path !== context.path) {
        context.packetsDropped++;
        i++;
        continue;
      }
      const isShort = (batch.buffer[batch.start[i]!]! & 0x80) === 0;
      if (isShort && context.applicationKeys.readKey !== undefined) i = this.#readRun(batch, i, to, path, now);
      else this.#readDatagram(batch.buffer, batch.start[i]!, batch.end[i++]!, path, now);
      if (!context.life.isAlive) return;
    }
  }

  /** One run of datagrams that each hold one 1-RTT packet, from the same path. @returns the index after the run */
  #readRun(batch: DatagramBatch, from: number, to: number, path: Path, now: number): number {
    const context = this.#context;
    const { buffer, start, end } = batch;
    const keys = context.applicationKeys;

    // 1. Headers, as far as they can be read without keys.
    let count = 0;
    let i = from;
    for (; i < to && count < MAX_RUN; i++) {
      if ((buffer[start[i]!]! & 0x80) !== 0) break;
      if (i > from) {
        if (!path.isSame(batch.socket[i]!, batch.address[i]!, batch.port[i]!)) break;
        const size = end[i]! - start[i]!;
        context.datagramsReceived++;
        context.bytesReceived += size;
        path.bytesReceived += size;
      }
      if (!readHeader(header, buffer, start[i]!, end[i]!, context.localId.length) || header.sampleOffset < 0) {
        context.packetsDropped++;
        continue;
      }
      sampleStarts[count] = header.sampleOffset;
      runHeaderStart[count] = start[i]!;
      runNumberOffset[count] = header.packetNumberOffset;
      runEnd[count] = end[i]!;
      count++;
    }
    if (count === 0) return i;

    // 2. Masks for all of them, then numbers and phases.
    keys.readHeaderKey!.masks(buffer, sampleStarts, count, masks);
    const acks = context.spaces[Space.APPLICATION].acks;
    const largest = acks.ranges.largest;
    run.count = 0;
    for (let k = 0; k < count; k++) {
      const headerStart = runHeaderStart[k]!;
      const offset = runNumberOffset[k]!;
      const length = unprotectHeader(buffer, headerStart, offset, masks, k * MASK_LENGTH);
      const packetNumber = decodePacketNumber(largest, readPacketNumber(buffer, offset, length), length);
      const phase = keys.readPhase((buffer[headerStart]! & KEY_PHASE_BIT) === 0 ? 0 : 1, packetNumber);
      if (phase === 'current') {
        run.add(headerStart, offset + length, runEnd[k]!, packetNumber);
        continue;
      }
      // 3. A packet of another key phase: first what came before it, then it alone.
      this.#openRun(buffer, path, now);
      if (!context.life.isAlive) return i;
      this.#openOneRtt(phase, buffer, headerStart, offset + length, runEnd[k]!, packetNumber, path, now);
      if (!context.life.isAlive) return i;
    }
    this.#openRun(buffer, path, now);
    return i;
  }

  #openRun(buffer: Uint8Array, path: Path, now: number): void {
    if (run.count === 0) return;
    const context = this.#context;
    const keys = context.applicationKeys;
    keys.readKey!.open(buffer, run);
    const count = run.count;
    for (let k = 0; k < count; k++) {
      if (run.ok[k] === 0) {
        if (this.#onForgedOneRtt(buffer, run.payloadEnd[k]!)) break;
        continue;
      }
      keys.onOpened('current', run.packetNumber[k]!, 0);
      this.#onOpened(Space.APPLICATION, PacketType.ONE_RTT, buffer, run, k, path, now);
      if (!context.life.isAlive) break;
    }
    run.count = 0;
  }

  /** A datagram that may hold several packets of any kind (RFC 9000 §12.2). */
  #readDatagram(buffer: Uint8Array, start: number, end: number, path: Path, now: number): void {
    const context = this.#context;
    let destinationKey = '';
    this.#datagramSize = end - start;
    for (let at = start; at < end;) {
      if (!readHeader(header, buffer, at, end, context.localId.length)) {
        context.packetsDropped++;
        return;
      }
      const packetEnd = header.packetEnd;
      // RFC 9000 §12.2: packets for another destination must not ride along.
      const key = connectionIdKey(buffer, header.dcidStart, header.dcidLength);
      if (at === start) destinationKey = key;
      else if (key !== destinationKey) {
        context.packetsDropped++;
        return;
      }
      this.#readPacket(buffer, at, packetEnd, path, now);
      if (!context.life.isAlive) return;
      at = packetEnd;
    }
  }

  /** The packet whose header stands in `header`. */
  #readPacket(buffer: Uint8Array, start: number, end: number, path: Path, now: number): void {
    const context = this.#context;
    switch (header.type) {
      case PacketType.INITIAL:
        this.#readLong(Space.INITIAL, buffer, start, end, path, now);
        break;
      case PacketType.HANDSHAKE:
        this.#readLong(Space.HANDSHAKE, buffer, start, end, path, now);
        break;
      case PacketType.ONE_RTT:
        this.#readOneRtt(buffer, start, end, path, now);
        break;
      case PacketType.RETRY:
        if (!obeyRetry(context, this.#driver, header, buffer, start, end, now)) context.packetsDropped++;
        break;
      case PacketType.VERSION_NEGOTIATION:
        if (!heedVersionNegotiation(context, header, buffer)) context.packetsDropped++;
        break;
      default:
        // 0-RTT is not accepted. Unknown versions cannot be read.
        context.packetsDropped++;
    }
  }

  #readLong(index: Space, buffer: Uint8Array, start: number, end: number, path: Path, now: number): void {
    const context = this.#context;
    const space = context.spaces[index];
    // RFC 9000 §17.2.2: a server sends no token, so a packet with one is not from a server.
    // RFC 9000 §14.1: a server discards an Initial in too small a datagram.
    const isUnfit =
      index === Space.INITIAL && (context.isClient ? header.tokenLength > 0 : this.#datagramSize < MIN_DATAGRAM_SIZE);
    if (space.isDiscarded || header.sampleOffset < 0 || isUnfit) {
      context.packetsDropped++;
      return;
    }
    if (space.readKeys === undefined) {
      this.#keepEarly(index, buffer, start, end, path, now);
      return;
    }
    const isFirst = !context.hasReceivedPacket && context.isClient;
    const scid = isFirst ? ConnectionId.read(buffer, header.scidStart, header.scidLength) : undefined;
    // RFC 9000 §7.2: after the first packet, another source connection ID is not the peer's.
    if (scid === undefined && !context.peerIds.handshakeId.matches(buffer, header.scidStart, header.scidLength)) {
      context.packetsDropped++;
      return;
    }
    const offset = header.packetNumberOffset;
    sampleStarts[0] = header.sampleOffset;
    space.readKeys.headerKey.masks(buffer, sampleStarts, 1, masks);
    const length = unprotectHeader(buffer, start, offset, masks, 0);
    const packetNumber = decodePacketNumber(
      space.acks.ranges.largest,
      readPacketNumber(buffer, offset, length),
      length,
    );
    single.count = 0;
    single.add(start, offset + length, end, packetNumber);
    space.readKeys.packetKey.open(buffer, single);
    if (single.ok[0] === 0) {
      this.#onForged();
      return;
    }
    // RFC 9000 §7.2: the server's choice replaces our random destination, once.
    if (scid !== undefined) context.peerIds.replaceFirst(scid);
    const type = index === Space.INITIAL ? PacketType.INITIAL : PacketType.HANDSHAKE;
    if (index === Space.HANDSHAKE && !context.isClient) {
      // RFC 9000 §8.1: whoever can use Handshake keys has received our Initial at its address. RFC 9001 §4.9.1: and needs ours no more.
      path.isValidated = true;
      context.recovery.setAmplificationBlocked(false);
      this.#driver.discardInitial(now);
    }
    this.#onOpened(index, type, buffer, single, 0, path, now);
  }

  /** A 1-RTT packet at the end of a datagram with others, or before its keys. */
  #readOneRtt(buffer: Uint8Array, start: number, end: number, path: Path, now: number): void {
    const context = this.#context;
    const keys = context.applicationKeys;
    if (header.sampleOffset < 0) {
      context.packetsDropped++;
      return;
    }
    if (keys.readKey === undefined) {
      this.#keepEarly(Space.APPLICATION, buffer, start, end, path, now);
      return;
    }
    const offset = header.packetNumberOffset;
    sampleStarts[0] = header.sampleOffset;
    keys.readHeaderKey!.masks(buffer, sampleStarts, 1, masks);
    const length = unprotectHeader(buffer, start, offset, masks, 0);
    const largest = context.spaces[Space.APPLICATION].acks.ranges.largest;
    const packetNumber = decodePacketNumber(largest, readPacketNumber(buffer, offset, length), length);
    const phase = keys.readPhase((buffer[start]! & KEY_PHASE_BIT) === 0 ? 0 : 1, packetNumber);
    this.#openOneRtt(phase, buffer, start, offset + length, end, packetNumber, path, now);
  }

  /** Opens a 1-RTT packet by itself, with the key of its phase. */
  #openOneRtt(
    phase: ReadPhase,
    buffer: Uint8Array,
    headerStart: number,
    payloadStart: number,
    end: number,
    packetNumber: number,
    path: Path,
    now: number,
  ): void {
    const context = this.#context;
    const keys = context.applicationKeys;
    const key = keys.keyFor(phase);
    if (key === undefined) {
      context.packetsDropped++;
      return;
    }
    single.count = 0;
    single.add(headerStart, payloadStart, end, packetNumber);
    key.open(buffer, single);
    if (single.ok[0] === 0) {
      this.#onForgedOneRtt(buffer, end);
      return;
    }
    keys.onOpened(phase, packetNumber, now + 3 * context.pto);
    this.#onOpened(Space.APPLICATION, PacketType.ONE_RTT, buffer, single, 0, path, now);
  }

  /** Packet k of the batch is authentic. */
  #onOpened(
    index: Space,
    type: PacketType,
    buffer: Uint8Array,
    batch: PacketBatch,
    k: number,
    path: Path,
    now: number,
  ): void {
    const context = this.#context;
    const space = context.spaces[index];
    const headerStart = batch.headerStart[k]!;
    const payloadStart = batch.payloadStart[k]!;
    const payloadEnd = batch.payloadEnd[k]! - TAG_LENGTH;
    const packetNumber = batch.packetNumber[k]!;
    const reserved = type === PacketType.ONE_RTT ? SHORT_RESERVED_BITS : LONG_RESERVED_BITS;
    if ((buffer[headerStart]! & reserved) !== 0) {
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'Reserved header bits are not zero');
    }
    if (space.acks.isDuplicate(packetNumber)) {
      context.packetsDropped++;
      return;
    }
    context.packetsReceived++;
    context.hasReceivedPacket = true;
    this.#handlers.beginPacket(index, path, buffer, headerStart);
    const isNewest = packetNumber > space.acks.ranges.largest;
    const content = readFrames(frameReader.reset(buffer, payloadStart, payloadEnd), type, this.#handlers);
    const isEliciting = (content & PacketContent.ACK_ELICITING) !== 0;
    space.acks.onPacketReceived(packetNumber, isEliciting, Math.min(now, this.#arrivalTime));
    context.mayRestartIdle = true;
    context.restartIdle(now);
    if (isNewest && path !== context.path && (content & PacketContent.NON_PROBING) !== 0)
      followPeer(context, path, now);
    if (this.#handlers.sawCrypto && context.life.isAlive) {
      this.#driver.handleCrypto(index);
      this.readEarly(now);
    }
  }

  /**
   * RFC 9000 §10.3.1: what cannot be opened may be a stateless reset that happens to carry a connection ID of ours.
   * @returns whether that was the end of the connection
   */
  #onForgedOneRtt(buffer: Uint8Array, end: number): boolean {
    const { peerIds, life } = this.#context;
    if (peerIds.isResetToken(buffer, end)) this.#context.onStatelessReset();
    else this.#onForged();
    return !life.isAlive;
  }

  #onForged(): void {
    const context = this.#context;
    context.packetsDropped++;
    // RFC 9001 §6.6: too many forgeries weaken the key.
    if (++context.forgedCount > INTEGRITY_LIMIT) {
      throw new TransportError(TransportErrorCode.AEAD_LIMIT_REACHED, 'Too many packets failed authentication');
    }
  }

  // --- Packets before their keys

  #keepEarly(space: Space, buffer: Uint8Array, start: number, end: number, path: Path, now: number): void {
    const context = this.#context;
    const time = Math.min(now, this.#arrivalTime);
    // RFC 9002 §6.2.3: the ServerHello that came before this packet is probably lost.
    if (context.isClient && this.#arrivalTime === Infinity && context.spaces[Space.HANDSHAKE].readKeys === undefined)
      context.recovery.hastenProbes();
    if (context.isHandshakeComplete || !this.#early.keep(space, buffer, start, end, path, time))
      context.packetsDropped++;
  }

  /** Takes the packets that have waited for keys that are there now. */
  readEarly(now: number): void {
    if (this.#early.isEmpty) return;
    const context = this.#context;
    for (const { bytes, space, path, time } of this.#early.takeAll()) {
      this.#arrivalTime = time;
      const hasKeys =
        space === Space.APPLICATION
          ? context.applicationKeys.readKey !== undefined
          : context.spaces[space].readKeys !== undefined;
      if (!hasKeys) {
        this.#keepEarly(space, bytes, 0, bytes.length, path, now);
      } else if (context.life.isAlive && readHeader(header, bytes, 0, bytes.length, context.localId.length)) {
        this.#readPacket(bytes, 0, bytes.length, path, now);
      }
    }
    this.#arrivalTime = Infinity;
  }
}
