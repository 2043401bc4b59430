/**
 * The way out: fills datagrams with packets of all spaces that have something to say (RFC 9000 §12.2, §13, §14), straight into the caller's buffer, and seals
 * runs of 1-RTT packets together.
 */
import type { ConnectionContext } from './connection-context.ts';
import { Writer } from './cursor.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import { MIN_ACK_SIZE, writeAck } from './frames/ack.ts';
import { connectionCloseSize, writeConnectionClose } from './frames/close.ts';
import { PATH_FRAME_SIZE, writePathChallenge, writePathResponse } from './frames/path.ts';
import { writeHandshakeDone, writePadding, writePing } from './frames/simple.ts';
import { cutUtf8, utf8 } from './bytes.ts';
import { CONFIDENTIALITY_LIMIT, MAX_REASON_LENGTH, MIN_DATAGRAM_SIZE, MIN_PACKET_ROOM } from './limits.ts';
import { PacketType, setPacketLength, writeLongHeader, writeShortHeader } from './packet-header.ts';
import { packetNumberLength } from './packet-number.ts';
import type { Path } from './path.ts';
import { protectHeader } from './protection/header-protection.ts';
import { MASK_LENGTH, PacketBatch, TAG_LENGTH } from './protection/protector.ts';
import { Carried, type SentPacket } from './recovery/sent-packet.ts';
import { Space, SPACES } from './recovery/spaces.ts';

/** RFC 9001 §5.4.2: packet number and payload together must leave a sample behind: 4 bytes before it. */
const MIN_NUMBER_AND_PAYLOAD = 4;
/** ACK-only packets are not acknowledged; after so many a PING asks for it, so that both sides may forget old ranges. */
const ACK_ONLY_LIMIT = 19;
const MAX_SEAL_RUN = 64;
/** Packets among which one number is left out, at first and at most. */
const FIRST_SKIP_GAP = 256;
const MAX_SKIP_GAP = 131_072;
/** The least of a congestion window that a datagram of small messages is made for. */
const MIN_SHORT_DATAGRAM = 128;
/** Header, tag and an ACK in such a datagram. */
const SHORT_DATAGRAM_OVERHEAD = 64;
/** ack_delay_exponent that we announce by saying nothing: the default. */
const ACK_DELAY_DIVISOR = 8;

// Scratch of synchronous calls, shared by all connections of the thread.
const writer = new Writer();
const single = new PacketBatch(1);
const sampleStarts = new Int32Array(MAX_SEAL_RUN);
const masks = new Uint8Array(MAX_SEAL_RUN * MASK_LENGTH);
/** 1-RTT packets written and not yet sealed. */
const run = new PacketBatch(MAX_SEAL_RUN);
const runNumberLength = new Int32Array(MAX_SEAL_RUN);

const LONG_TYPES = [PacketType.INITIAL, PacketType.HANDSHAKE] as const;

export class PacketBuilder {
  readonly #context: ConnectionContext;

  // About the packet at hand.
  #headerStart: number = 0;
  #lengthOffset: number = 0;
  #payloadStart: number = 0;
  #numberLength: number = 0;
  #isEliciting: boolean = false;

  // RFC 9000 §21.4: packet numbers that are left out catch a peer that acknowledges what it has not received.
  #nextSkipped: number = -1;
  #skipGap: number = FIRST_SKIP_GAP;

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#planSkip();
  }

  /** Chooses the next number to leave out, ever further away: the attack pays most on a young connection. */
  #planSkip(): void {
    const bytes = new Uint8Array(4);
    this.#context.random.fillPublic(bytes);
    const draw = new DataView(bytes.buffer).getUint32(0);
    this.#nextSkipped += 1 + (draw % this.#skipGap);
    this.#skipGap = Math.min(2 * this.#skipGap, MAX_SKIP_GAP);
  }

  /** Appends datagrams to the batch. @returns how many */
  fill(batch: DatagramBatch, now: number): number {
    const before = batch.count;
    this.#context.pacingDeadline = Infinity;
    this.#maybeUpdateKeys();
    try {
      while (batch.count < batch.capacity && this.#buildDatagram(batch, now)) {
        if (run.count === MAX_SEAL_RUN) this.#sealRun(batch.buffer);
      }
    } finally {
      // Also where it failed: the datagrams before are in the batch already, and must not leave it unsealed.
      this.#sealRun(batch.buffer);
    }
    return batch.count - before;
  }

  // --- One datagram

  #buildDatagram(batch: DatagramBatch, now: number): boolean {
    const context = this.#context;
    const start = batch.writeOffset;
    if (start + context.datagramSize > batch.buffer.length) return false;
    const { path, candidatePath, fallbackPath, recovery } = context;
    if (candidatePath !== undefined && this.#buildProbe(batch, candidatePath, now)) return true;
    if (fallbackPath !== undefined && this.#buildProbe(batch, fallbackPath, now)) return true;

    // 1. What may be sent: the anti-amplification budget, the congestion window, the pacer.
    if (context.isAmplificationBlocked) {
      recovery.setAmplificationBlocked(true);
      return false;
    }
    let size = Math.min(context.datagramSize, path.sendBudget);
    const window = recovery.canSend();
    let mayElicit = window >= size;
    if (!mayElicit && this.#isLittleEnough(window)) {
      mayElicit = true;
      size = window;
    }
    if (mayElicit) {
      const sendTime = recovery.nextSendTime(now);
      if (sendTime > now) {
        mayElicit = false;
        if (this.#hasDataPending()) context.pacingDeadline = sendTime;
      }
    }

    // 2. One packet for each space that has something, coalesced.
    const end = start + size;
    let hasInitial = false;
    let mustPad = false;
    let sentHandshake = false;
    writer.reset(batch.buffer, start, end);
    for (const index of SPACES) {
      if (!this.#wants(index, mayElicit, now)) continue;
      if (writer.position > start && end - writer.position < MIN_PACKET_ROOM) break;
      const packetStart = writer.position;
      const packet = this.#beginPacket(index, end);
      this.#writeFrames(index, packet, mayElicit, now);
      if (writer.position === this.#payloadStart) {
        writer.position = packetStart;
        continue;
      }
      if (index === Space.INITIAL) {
        hasInitial = true;
        // RFC 9000 §14.1: a client pads every datagram with an Initial, a server those that elicit.
        mustPad = context.isClient || this.#isEliciting;
      }
      if (index === Space.APPLICATION && path.needsPadding) mustPad = true;
      sentHandshake ||= index === Space.HANDSHAKE;
      const isLast =
        !this.#anyWantsAfter(index, mayElicit, now) ||
        end - TAG_LENGTH - writer.position < MIN_PACKET_ROOM + TAG_LENGTH;
      const padTo = mustPad && isLast ? start + Math.min(MIN_DATAGRAM_SIZE, size) - TAG_LENGTH : 0;
      const isPadded = padTo > writer.position;
      if (isPadded) writePadding(writer, padTo - writer.position);
      this.#finishPacket(index, packet, isPadded, batch.buffer, now);
    }
    path.needsPadding = false;
    const datagramEnd = writer.position;
    if (datagramEnd === start) return false;
    if (hasInitial && mustPad && datagramEnd - start < MIN_DATAGRAM_SIZE) {
      throw new TransportError(TransportErrorCode.INTERNAL_ERROR, 'Initial datagram is not padded');
    }
    this.#commit(batch, path, start, datagramEnd);
    // RFC 9001 §4.9.1: a client is done with Initial keys when it first sends a Handshake packet.
    if (sentHandshake && context.isClient && !context.spaces[Space.INITIAL].isDiscarded) {
      context.spaces[Space.INITIAL].discard();
      recovery.discardSpace(Space.INITIAL, now);
    }
    return true;
  }

  /**
   * The window has room for less than a full datagram. A few small messages need not wait for more of it: else one lossy stream, which
   * brings the window down, would hold up all others. Bulk waits, as it would go out in fragments for ever.
   */
  #isLittleEnough(window: number): boolean {
    const { isHandshakeConfirmed, streams } = this.#context;
    return (
      isHandshakeConfirmed &&
      window >= MIN_SHORT_DATAGRAM &&
      streams.hasPending() &&
      streams.fits(window - SHORT_DATAGRAM_OVERHEAD)
    );
  }

  #commit(batch: DatagramBatch, path: Path, start: number, end: number): void {
    const context = this.#context;
    path.bytesSent += end - start;
    context.bytesSent += end - start;
    context.datagramsSent++;
    batch.commit(start, end, path.socket, path.address, path.port, 0);
  }

  /** Whether a packet of this space would have a frame in it. */
  #wants(index: Space, mayElicit: boolean, now: number): boolean {
    const context = this.#context;
    const space = context.spaces[index];
    if (space.isDiscarded) return false;
    if (index === Space.APPLICATION ? context.applicationKeys.writeKey === undefined : space.writeKeys === undefined)
      return false;
    if (context.recovery.ptoProbes[index] > 0 || space.acks.ackDeadline <= now) return true;
    if (!mayElicit) return false;
    return space.crypto.hasPending() || (index === Space.APPLICATION && this.#hasApplicationFrames());
  }

  #anyWantsAfter(index: Space, mayElicit: boolean, now: number): boolean {
    for (let later = index + 1; later <= Space.APPLICATION; later++)
      if (this.#wants(later as Space, mayElicit, now)) return true;
    return false;
  }

  #hasApplicationFrames(): boolean {
    const context = this.#context;
    return (
      context.streams.hasPending() ||
      context.isHandshakeDonePending ||
      context.isPingPending ||
      context.localIds.hasPending() ||
      context.peerIds.hasPending() ||
      context.path.responses.length > 0 ||
      context.path.isChallengePending
    );
  }

  #hasDataPending(): boolean {
    const { spaces } = this.#context;
    return (
      spaces[0].crypto.hasPending() ||
      spaces[1].crypto.hasPending() ||
      spaces[2].crypto.hasPending() ||
      this.#hasApplicationFrames()
    );
  }

  // --- One packet

  /** Writes the header and opens the record of the packet. The writer is left with room for the payload alone. */
  #beginPacket(index: Space, datagramEnd: number): SentPacket {
    const context = this.#context;
    const space = context.spaces[index];
    if (index === Space.APPLICATION && space.nextPacketNumber === this.#nextSkipped) {
      context.recovery.skip(index, space.nextPacketNumber++);
      this.#planSkip();
    }
    const packetNumber = space.nextPacketNumber;
    this.#headerStart = writer.position;
    this.#isEliciting = false;
    this.#numberLength = packetNumberLength(packetNumber, space.largestAcked);
    const destination = context.peerIds.active.bytes;
    if (index === Space.APPLICATION) {
      writeShortHeader(writer, destination, context.applicationKeys.writePhaseBit, 0, packetNumber, this.#numberLength);
    } else {
      this.#lengthOffset = writeLongHeader(
        writer,
        context.version,
        LONG_TYPES[index],
        destination,
        context.localId.bytes,
        context.token,
        packetNumber,
        this.#numberLength,
      );
    }
    this.#payloadStart = writer.position;
    writer.end = datagramEnd - TAG_LENGTH;
    return context.recovery.sentPacket(index, packetNumber);
  }

  #writeFrames(index: Space, packet: SentPacket, mayElicit: boolean, now: number): void {
    const context = this.#context;
    const space = context.spaces[index];
    const isProbe = context.recovery.ptoProbes[index] > 0;
    this.#writeAckFrame(index, packet, isProbe, now);
    if (!mayElicit && !isProbe) return;

    const carriedBefore = packet.carriedCount;
    const positionBefore = writer.position;
    if (isProbe && !this.#hasSomethingFor(index)) context.recovery.requeueOldest(index);
    if (index === Space.APPLICATION) this.#writeApplicationFrames(packet);
    space.crypto.writeFrames(writer, packet);
    if (index === Space.APPLICATION) context.streams.writeFrames(writer, packet);
    this.#isEliciting = packet.carriedCount > carriedBefore || writer.position > positionBefore;

    const wantsPing =
      (isProbe && !this.#isEliciting) ||
      (index === Space.APPLICATION && context.isPingPending) ||
      (!this.#isEliciting && space.ackOnlyCount >= ACK_ONLY_LIMIT && index === Space.APPLICATION);
    if (wantsPing && writer.remaining > 0) {
      writePing(writer);
      if (index === Space.APPLICATION) context.isPingPending = false;
      this.#isEliciting = true;
    }
  }

  /** Whether a probe has frames to carry already; else the oldest unacknowledged ones are sent again (RFC 9002 §6.2.4). */
  #hasSomethingFor(index: Space): boolean {
    const context = this.#context;
    return context.spaces[index].crypto.hasPending() || (index === Space.APPLICATION && this.#hasApplicationFrames());
  }

  /** @param isProbe an ACK sent before may be what was lost: without it the peer goes on probing, ever more slowly */
  #writeAckFrame(index: Space, packet: SentPacket, isProbe: boolean, now: number): void {
    const { acks } = this.#context.spaces[index];
    if (!isProbe && !acks.shouldBundle && acks.ackDeadline > now) return;
    if (writer.remaining < MIN_ACK_SIZE) return;
    const delay = Math.floor(acks.ackDelayUs(now) / ACK_DELAY_DIVISOR);
    if (writeAck(writer, acks.ranges, delay, writer.remaining) === 0) return;
    const largest = acks.ranges.largest;
    packet.carry(Carried.ACK, largest, 0, 0);
    acks.onAckSent(largest, now);
    if (index === Space.APPLICATION) this.#context.applicationKeys.hasAcknowledged = true;
  }

  #writeApplicationFrames(packet: SentPacket): void {
    const context = this.#context;
    if (context.isHandshakeDonePending && writer.remaining > 0) {
      writeHandshakeDone(writer);
      packet.carry(Carried.HANDSHAKE_DONE, 0, 0, 0);
      context.isHandshakeDonePending = false;
    }
    this.#writePathFrames(context.path);
    context.peerIds.writeFrames(writer, packet);
    context.localIds.writeFrames(writer, packet);
  }

  /** RFC 9000 §8.2: neither frame is sent again when it is lost; a new challenge asks anew. */
  #writePathFrames(path: Path): void {
    while (path.responses.length > 0 && writer.remaining >= PATH_FRAME_SIZE) {
      writePathResponse(writer, path.responses.shift()!);
      path.needsPadding = true;
    }
    if (path.isChallengePending && writer.remaining >= PATH_FRAME_SIZE) {
      writePathChallenge(writer, path.challenge);
      path.isChallengePending = false;
      path.needsPadding = true;
    }
  }

  /** Ends the packet: minimum size, record, seal. */
  #finishPacket(index: Space, packet: SentPacket, isPadded: boolean, buffer: Uint8Array, now: number): void {
    const context = this.#context;
    const space = context.spaces[index];
    const short = MIN_NUMBER_AND_PAYLOAD - this.#numberLength - (writer.position - this.#payloadStart);
    if (short > 0) writePadding(writer, short);
    const payloadEnd = writer.position;
    const packetEnd = payloadEnd + TAG_LENGTH;
    writer.end = packetEnd;
    writer.position = packetEnd;
    writer.end = buffer.length;

    const packetNumber = space.nextPacketNumber++;
    packet.timeSent = now;
    packet.size = packetEnd - this.#headerStart;
    packet.ackEliciting = this.#isEliciting;
    // RFC 9002 §2: in flight is what elicits an acknowledgement or has padding.
    packet.inFlight = this.#isEliciting || isPadded;
    context.recovery.onPacketSent(index, packet, now);
    context.packetsSent++;
    if (this.#isEliciting) {
      space.ackOnlyCount = 0;
      // RFC 9000 §10.1: only the first ack-eliciting packet after something was received restarts the timer.
      if (context.mayRestartIdle) {
        context.mayRestartIdle = false;
        context.restartIdle(now);
      }
    } else space.ackOnlyCount++;

    if (index === Space.APPLICATION) {
      const keys = context.applicationKeys;
      if (keys.firstSentInGeneration < 0) keys.firstSentInGeneration = packetNumber;
      keys.sealedCount++;
      runNumberLength[run.count] = this.#numberLength;
      run.add(this.#headerStart, this.#payloadStart, payloadEnd, packetNumber);
    } else {
      setPacketLength(buffer, this.#lengthOffset, packetEnd);
      this.#sealLong(index, buffer, payloadEnd, packetNumber);
    }
  }

  // --- Sealing

  #sealLong(index: Space, buffer: Uint8Array, payloadEnd: number, packetNumber: number): void {
    const keys = this.#context.spaces[index].writeKeys!;
    single.count = 0;
    single.add(this.#headerStart, this.#payloadStart, payloadEnd, packetNumber);
    keys.packetKey.seal(buffer, single);
    const numberOffset = this.#payloadStart - this.#numberLength;
    sampleStarts[0] = numberOffset + 4;
    keys.headerKey.masks(buffer, sampleStarts, 1, masks);
    protectHeader(buffer, this.#headerStart, numberOffset, this.#numberLength, masks, 0);
  }

  #sealRun(buffer: Uint8Array): void {
    const count = run.count;
    if (count === 0) return;
    const keys = this.#context.applicationKeys;
    keys.writeKey!.seal(buffer, run);
    for (let i = 0; i < count; i++) sampleStarts[i] = run.payloadStart[i]! - runNumberLength[i]! + 4;
    keys.writeHeaderKey!.masks(buffer, sampleStarts, count, masks);
    for (let i = 0; i < count; i++) {
      const numberLength = runNumberLength[i]!;
      protectHeader(
        buffer,
        run.headerStart[i]!,
        run.payloadStart[i]! - numberLength,
        numberLength,
        masks,
        i * MASK_LENGTH,
      );
    }
    run.count = 0;
  }

  #maybeUpdateKeys(): void {
    const context = this.#context;
    const keys = context.applicationKeys;
    if (keys.sealedCount < context.transport.keyUpdateInterval) return;
    if (keys.canUpdate(context.spaces[Space.APPLICATION].largestAcked)) keys.initiateUpdate();
    else if (keys.sealedCount >= CONFIDENTIALITY_LIMIT - MAX_SEAL_RUN) {
      // RFC 9001 §6.6: rather end than seal more with this key.
      throw new TransportError(
        TransportErrorCode.AEAD_LIMIT_REACHED,
        'Key is worn out and the peer acknowledges no update',
      );
    }
  }

  // --- Path probes and the end

  /** Answers a challenge from, or challenges, an address that is not the connection's. */
  #buildProbe(batch: DatagramBatch, path: Path, now: number): boolean {
    if (path.responses.length === 0 && !path.isChallengePending) return false;
    const context = this.#context;
    // RFC 9000 §8.2.1: expanded to 1,200 bytes, unless that is more than may be sent to an address that is not validated.
    const size = Math.min(MIN_DATAGRAM_SIZE, path.sendBudget);
    if (context.applicationKeys.writeKey === undefined || size < MIN_PACKET_ROOM) return false;
    const start = batch.writeOffset;
    writer.reset(batch.buffer, start, start + size);
    const packet = this.#beginPacket(Space.APPLICATION, start + size);
    this.#writePathFrames(path);
    path.needsPadding = false;
    writePadding(writer, writer.remaining);
    // RFC 9000 §9.4: what is sent on another path says nothing about this one. Neither its loss nor its round trip counts, and nothing of it is resent.
    this.#finishPacket(Space.APPLICATION, packet, false, batch.buffer, now);
    this.#commit(batch, path, start, writer.position);
    return true;
  }

  /** CONNECTION_CLOSE in every space whose keys live, in one datagram (RFC 9000 §10.2.3). @returns datagrams written */
  buildClose(batch: DatagramBatch): number {
    const context = this.#context;
    const { life, path } = context;
    const start = batch.writeOffset;
    const end = start + Math.min(MIN_DATAGRAM_SIZE, path.sendBudget);
    if (batch.count === batch.capacity || end > batch.buffer.length || context.isAmplificationBlocked) return 0;
    life.isClosePending = false;
    writer.reset(batch.buffer, start, end);
    const spaces = SPACES.filter((index) => this.#canClose(index));
    for (const index of spaces) {
      const isLong = index !== Space.APPLICATION;
      // RFC 9000 §10.2.3: an application's code and words are not for packets that anyone can read.
      const isHidden = isLong && life.isApplicationClose;
      const isApplication = life.isApplicationClose && !isLong;
      const errorCode = isHidden ? TransportErrorCode.APPLICATION_ERROR : life.errorCode;
      const reason = isHidden ? new Uint8Array(0) : cutUtf8(utf8(life.reason), MAX_REASON_LENGTH);
      const packetStart = writer.position;
      if (end - packetStart < MIN_PACKET_ROOM + reason.length) break;
      this.#beginPacket(index, end);
      const packetNumber = context.spaces[index].nextPacketNumber;
      if (connectionCloseSize(isApplication, errorCode, life.frameType, reason.length) > writer.remaining) {
        writer.position = packetStart;
        break;
      }
      writeConnectionClose(writer, isApplication, errorCode, life.frameType, reason);
      if (spaces.includes(Space.INITIAL) && index === spaces[spaces.length - 1]) writePadding(writer, writer.remaining);
      this.#finishClose(index, packetNumber, batch.buffer);
      writer.end = end;
    }
    if (writer.position === start) return 0;
    this.#commit(batch, path, start, writer.position);
    return 1;
  }

  #canClose(index: Space): boolean {
    const context = this.#context;
    const space = context.spaces[index];
    if (space.isDiscarded) return false;
    return index === Space.APPLICATION ? context.applicationKeys.writeKey !== undefined : space.writeKeys !== undefined;
  }

  /** Seals a packet that recovery does not track. */
  #finishClose(index: Space, packetNumber: number, buffer: Uint8Array): void {
    const context = this.#context;
    const payloadEnd = writer.position;
    context.spaces[index].nextPacketNumber++;
    context.packetsSent++;
    if (index === Space.APPLICATION) {
      runNumberLength[run.count] = this.#numberLength;
      run.add(this.#headerStart, this.#payloadStart, payloadEnd, packetNumber);
      this.#sealRun(buffer);
    } else {
      setPacketLength(buffer, this.#lengthOffset, payloadEnd + TAG_LENGTH);
      this.#sealLong(index, buffer, payloadEnd, packetNumber);
    }
    writer.position = payloadEnd + TAG_LENGTH;
  }
}
