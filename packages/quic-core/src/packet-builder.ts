/**
 * The way out: fills datagrams with packets of all spaces that have something to say (RFC 9000 §12.2, §13, §14), straight into the caller's buffer, and seals
 * runs of 1-RTT packets together.
 */
import { buildClose } from './close-builder.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import { PATH_FRAME_SIZE, writePathChallenge, writePathResponse } from './frames/path.ts';
import { writeHandshakeDone, writePadding, writePing } from './frames/simple.ts';
import { CONFIDENTIALITY_LIMIT, MIN_DATAGRAM_SIZE, MIN_PACKET_ROOM } from './limits.ts';
import { isRunFull, MAX_SEAL_RUN, sealPacket, sealRun } from './packet-sealer.ts';
import { PacketWriter, writer } from './packet-writer.ts';
import type { Path } from './path.ts';
import { TAG_LENGTH } from './protection/protector.ts';
import { Carried, type SentPacket } from './recovery/sent-packet.ts';
import { Space, SPACES } from './recovery/spaces.ts';

/** RFC 9001 §5.4.2: packet number and payload together must leave a sample behind: 4 bytes before it. */
const MIN_NUMBER_AND_PAYLOAD = 4;
/** ACK-only packets are not acknowledged; after so many a PING asks for it, so that both sides may forget old ranges. */
const ACK_ONLY_LIMIT = 19;
/** The least of a congestion window that a datagram of small messages is made for. */
const MIN_SHORT_DATAGRAM = 128;
/** Header, tag and an ACK in such a datagram. */
const SHORT_DATAGRAM_OVERHEAD = 64;
export class PacketBuilder {
  readonly #context: ConnectionContext;

  readonly #packets: PacketWriter;
  /** The packet at hand must be acknowledged. */
  #isEliciting: boolean = false;

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#packets = new PacketWriter(context);
  }

  /** Appends datagrams to the batch. @returns how many */
  fill(batch: DatagramBatch, now: number): number {
    const before = batch.count;
    this.#context.pacingDeadline = Infinity;
    this.#maybeUpdateKeys();
    try {
      while (batch.count < batch.capacity && this.#buildDatagram(batch, now)) {
        if (isRunFull()) sealRun(this.#context, batch.buffer);
      }
    } finally {
      // Also where it failed: the datagrams before are in the batch already, and must not leave it unsealed.
      sealRun(this.#context, batch.buffer);
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
      if (writer.position === this.#packets.layout.payloadStart) {
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
    context.commitDatagram(batch, path, start, datagramEnd);
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

  /** Whether a packet of this space would have a frame in it. */
  #wants(index: Space, mayElicit: boolean, now: number): boolean {
    const context = this.#context;
    const space = context.spaces[index];
    if (!this.#packets.hasKeys(index)) return false;
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

  /** Writes the header and opens the record of the packet. */
  #beginPacket(index: Space, datagramEnd: number): SentPacket {
    this.#isEliciting = false;
    return this.#context.recovery.sentPacket(index, this.#packets.begin(index, datagramEnd));
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
    const largest = this.#packets.writeAck(index, writer.remaining, now);
    if (largest < 0) return;
    packet.carry(Carried.ACK, largest, 0, 0);
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
    const { layout } = this.#packets;
    const short = MIN_NUMBER_AND_PAYLOAD - layout.numberLength - (writer.position - layout.payloadStart);
    if (short > 0) writePadding(writer, short);
    const payloadEnd = writer.position;
    const packetEnd = payloadEnd + TAG_LENGTH;
    writer.end = packetEnd;
    writer.position = packetEnd;
    writer.end = buffer.length;

    const packetNumber = space.nextPacketNumber++;
    packet.timeSent = now;
    packet.size = packetEnd - layout.headerStart;
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
    }
    sealPacket(context, index, buffer, layout, payloadEnd, packetNumber);
  }

  // --- Keys and other paths

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
    context.commitDatagram(batch, path, start, writer.position);
    return true;
  }

  /** Appends a datagram that ends the connection. @returns datagrams written */
  buildClose(batch: DatagramBatch, now: number): number {
    return buildClose(this.#context, this.#packets, batch, now);
  }
}
