/**
 * Loss detection and congestion control of one connection: RFC 9002, in the order of its appendices A and B.
 *
 * The connection tells what it sends, which acknowledgements come in and when time has passed; recovery says when it may send, which frames arrived,
 * which were lost, and when to probe. There is no clock and no timer: timeout() is computed from what is known.
 *
 * Left out: ECN (node:dgram does not show it).
 */
import type { CongestionController } from '../congestion/controller.ts';
import { TransportError, TransportErrorCode } from '../errors.ts';
import { MAX_ACK_ONLY_PACKETS, MAX_SENT_PACKETS } from '../limits.ts';
import { Pacer } from './pacer.ts';
import { PersistentCongestion } from './persistent-congestion.ts';
import { ProbeTimer } from './probe-timer.ts';
import { Reordering } from './reordering.ts';
import { K_GRANULARITY, RttEstimator } from './rtt.ts';
import type { Carried, SentPacket } from './sent-packet.ts';
import { SentSpace } from './sent-space.ts';
import { Space, SPACES } from './spaces.ts';

/** RFC 9002 §7.6.1, in probe timeouts. */
const K_PERSISTENT_CONGESTION_THRESHOLD = 3;

/**
 * Whom recovery tells what became of the frames, one call per descriptor of a packet, when all of recovery's own state is up to date. It must not
 * send from within these calls; discarding a packet number space is allowed.
 */
export interface RecoveryHost {
  onAcked(space: Space, kind: Carried, a: number, b: number, c: number): void;
  onLost(space: Space, kind: Carried, a: number, b: number, c: number): void;
}

export interface RecoveryOptions {
  readonly controller: CongestionController;
  /** Bytes. */
  readonly maxDatagramSize: number;
  readonly isClient: boolean;
  readonly host: RecoveryHost;
}

export class Recovery {
  rtt: RttEstimator = new RttEstimator();
  controller: CongestionController;
  bytesInFlight: number = 0;
  /** In-flight packets declared lost. */
  packetsLost: number = 0;

  readonly #host: RecoveryHost;
  #pacer: Pacer;
  readonly #spaces: readonly [SentSpace, SentSpace, SentSpace] = [new SentSpace(), new SentSpace(), new SentSpace()];
  readonly #probe: ProbeTimer;
  readonly #persistent: PersistentCongestion = new PersistentCongestion();
  readonly #reordering: Reordering = new Reordering();
  #maxDatagramSize: number;
  #firstSampleTime: number = Infinity;
  /** When the path began, ms: packets that were sent before tell nothing about it. */
  #pathStart: number = -Infinity;
  /** When the window last had no room for another datagram: packets sent until then were in flight while it was what held us back. */
  #windowFilledTime: number = -Infinity;
  // Scratch lists of the call in progress: packets leave the ring first, and the host hears of them at the end.
  readonly #acked: SentPacket[] = [];
  #ackedCount: number = 0;
  readonly #lost: SentPacket[] = [];
  #lostCount: number = 0;

  constructor(options: RecoveryOptions) {
    this.controller = options.controller;
    this.#maxDatagramSize = options.maxDatagramSize;
    this.#host = options.host;
    this.#pacer = new Pacer(options.maxDatagramSize);
    this.#probe = new ProbeTimer(this, this.#spaces, options.isClient);
  }

  /** Probe timeouts since the last acknowledgement. */
  get ptoCount(): number {
    return this.#probe.count;
  }

  /** Probe timeouts in the life of the connection. */
  get ptoFired(): number {
    return this.#probe.firedCount;
  }

  /** The space whose timeout the last 'pto' was. */
  get ptoSpace(): Space {
    return this.#probe.space;
  }

  /** Probes still to be sent per space, whatever the window says. Sending an ack-eliciting packet counts one down. */
  get ptoProbes(): readonly [number, number, number] {
    return this.#probe.probes;
  }

  // --- Sending

  /** Opens the record of the next packet: carry() what goes in, then onPacketSent(). Calling it again for the same number starts anew. */
  sentPacket(space: Space, packetNumber: number): SentPacket {
    return this.#spaces[space].sent.add(packetNumber);
  }

  /** To be called when timeSent, size, ackEliciting and inFlight of the record are set. */
  onPacketSent(space: Space, packet: SentPacket, now: number): void {
    const state = this.#spaces[space];
    state.largestSent = packet.packetNumber;
    if (packet.inFlight) {
      this.bytesInFlight += packet.size;
      if (packet.ackEliciting) {
        state.elicitingInFlight++;
        state.lastElicitingTime = now;
        this.#probe.onElicitingSent(space, now);
      }
      this.controller.onPacketSent(now, packet.size);
      this.#pacer.onPacketSent(packet.size, now);
      if (this.controller.congestionWindow - this.bytesInFlight < this.#maxDatagramSize) this.#windowFilledTime = now;
    }
    const sent = state.sent;
    while (sent.count > MAX_ACK_ONLY_PACKETS && !sent.get(sent.oldest)!.inFlight) sent.remove(sent.oldest);
    // Too far ahead of the oldest in flight: let the next loss detection give that one up.
    if (sent.end - sent.oldest > MAX_SENT_PACKETS) state.lossTime = now;
  }

  /** Leaves a packet number out: a peer that acknowledges it is lying (RFC 9000 §21.4). */
  skip(space: Space, packetNumber: number): void {
    this.#spaces[space].skip(packetNumber);
  }

  /** Bytes that the congestion window allows now. Probes (ptoProbes) and packets that only acknowledge do not ask. */
  canSend(): number {
    const { sent } = this.#spaces[Space.APPLICATION];
    if (sent.end - sent.oldest >= MAX_SENT_PACKETS) return 0;
    return Math.max(0, this.controller.congestionWindow - this.bytesInFlight);
  }

  /** @returns 0 when the pacer lets a datagram leave now, else when to ask again, ms */
  nextSendTime(now: number): number {
    return this.#pacer.nextSendTime(now);
  }

  // --- Acknowledgements

  /**
   * RFC 9002 A.7.
   * @param largest Largest Acknowledged
   * @param ackDelayMs the peer's ACK Delay, decoded
   * @param ranges flat [start, end) pairs, the newest first
   * @returns whether a packet was newly acknowledged
   * @throws TransportError PROTOCOL_VIOLATION for a packet that was never sent (RFC 9000 §13.1)
   */
  onAckReceived(
    space: Space,
    largest: number,
    ackDelayMs: number,
    ranges: ArrayLike<number>,
    rangeCount: number,
    now: number,
  ): boolean {
    const state = this.#spaces[space];
    if (state.discarded) return false;
    if (largest > state.largestSent || state.namesSkipped(ranges, rangeCount)) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `Acknowledgement of a packet that was never sent: up to ${largest}, sent up to ${state.largestSent}`,
        0x02,
      );
    }
    if (space === Space.APPLICATION) {
      this.#reordering.onAck(ranges, rangeCount, state.largestAcked, this.#lossRtt, now);
    }
    this.#ackedCount = 0;
    this.#lostCount = 0;
    let eliciting = false;
    let largestTimeSent = -Infinity;
    const { sent } = state;
    // The oldest first, so that whoever keeps what was acknowledged as ranges adds at their end.
    for (let i = rangeCount - 1; i >= 0; i--) {
      const end = ranges[2 * i + 1]!;
      for (let pn = Math.max(ranges[2 * i]!, sent.oldest); pn < end; pn++) {
        const packet = sent.get(pn);
        if (packet === undefined) continue;
        this.#acked[this.#ackedCount++] = packet;
        if (packet.ackEliciting) eliciting = true;
        if (pn === largest) largestTimeSent = packet.timeSent;
        this.#leave(state, packet, pn);
      }
    }
    if (this.#ackedCount === 0) return false;
    if (largest > state.largestAcked) state.largestAcked = largest;

    // RFC 9002 §5.1: a sample needs the largest to be newly acknowledged, and an ack-eliciting packet among the newly acknowledged.
    if (largestTimeSent > this.#pathStart && eliciting) this.#sampleRtt(space, now - largestTimeSent, ackDelayMs, now);

    this.#probe.onAcked(space, eliciting, now);
    this.#detectLost(space, now);
    for (let i = 0; i < this.#ackedCount; i++) {
      const packet = this.#acked[i]!;
      if (!packet.inFlight) continue;
      const isWindowLimited = packet.timeSent <= this.#windowFilledTime;
      this.controller.onPacketAcked(packet.size, packet.timeSent, now, isWindowLimited, this.rtt.smoothed);
    }
    this.#updatePacer(now);
    this.#report(space);
    return true;
  }

  // --- Time

  /** When to call onTimeout(), ms; Infinity = never. RFC 9002 A.8. */
  timeout(): number {
    const lossTime = this.#earliestLossTime();
    return lossTime !== Infinity ? lossTime : this.#probe.deadline();
  }

  /**
   * RFC 9002 A.9.
   * @returns 'loss' after declaring packets lost; 'pto' when probes have to be sent, see ptoProbes; 'none' when it was too early
   */
  onTimeout(now: number): 'none' | 'loss' | 'pto' {
    if (this.timeout() > now) return 'none';
    if (this.#earliestLossTime() !== Infinity) {
      for (const space of SPACES) {
        const state = this.#spaces[space];
        if (state.lossTime > now) continue;
        this.#lostCount = 0;
        this.#ackedCount = 0;
        this.#detectLost(space, now);
        this.#updatePacer(now);
        this.#report(space);
      }
      return 'loss';
    }

    this.#probe.fire(now);
    return 'pto';
  }

  /**
   * Hands what the oldest packet in flight carried to host.onLost(), so that a probe has something to carry (RFC 9002 §6.2.4). The packet stays in flight: it
   * may yet be acknowledged.
   * @returns false when nothing is left to hand over: send new data or a PING
   */
  requeueOldest(space: Space): boolean {
    const { sent } = this.#spaces[space];
    for (let pn = sent.oldest; pn < sent.end; pn++) {
      const packet = sent.get(pn);
      if (packet === undefined || !packet.inFlight || !packet.ackEliciting || packet.requeued) continue;
      packet.requeued = true;
      this.#reportLost(space, packet);
      return true;
    }
    return false;
  }

  // --- What the connection knows

  /** @param peerCompletedAddressValidation the server has acknowledged a Handshake packet, or the handshake is confirmed (RFC 9002 A.6) */
  setHandshakeState(
    hasHandshakeKeys: boolean,
    handshakeConfirmed: boolean,
    peerCompletedAddressValidation: boolean,
  ): void {
    this.#probe.setHandshakeState(hasHandshakeKeys, handshakeConfirmed, peerCompletedAddressValidation);
  }

  /** Handshake data of either side was probably lost: probes before the timeout, a few times (RFC 9002 §6.2.3). */
  hastenProbes(): void {
    this.#probe.hasten();
  }

  /** Server: whether the anti-amplification limit forbids to send (RFC 9000 §8.1). */
  setAmplificationBlocked(blocked: boolean): void {
    this.#probe.isAmplificationBlocked = blocked;
  }

  /** max_ack_delay of the peer, ms. */
  setMaxAckDelay(maxAckDelay: number): void {
    this.#probe.maxAckDelay = maxAckDelay;
  }

  /**
   * The peer is at another address: capacity and round trip of the old path say nothing about the new one (RFC 9000 §9.4).
   * @param controller a new one
   */
  onPathChanged(controller: CongestionController, now: number): void {
    this.controller = controller;
    this.rtt = new RttEstimator();
    this.#pacer = new Pacer(this.#maxDatagramSize);
    this.#firstSampleTime = Infinity;
    this.#pathStart = now;
    this.#probe.count = 0;
  }

  setMaxDatagramSize(maxDatagramSize: number): void {
    this.#maxDatagramSize = maxDatagramSize;
    this.controller.onDatagramSizeChanged(maxDatagramSize);
    this.#pacer.onDatagramSizeChanged(maxDatagramSize);
  }

  /** Packets that were declared lost and acknowledged after all, as far as that was noticed. */
  get spuriousLosses(): number {
    return this.#reordering.spuriousCount;
  }

  /** The current probe timeout of the application space, without backoff, ms: the unit of closing and draining periods. */
  get pto(): number {
    return this.#probe.period;
  }

  /** The keys of a space are dropped: its packets leave flight, and nothing is learnt from them (RFC 9002 §6.4). */
  discardSpace(space: Space, now: number): void {
    const state = this.#spaces[space];
    if (state.discarded) return;
    state.discarded = true;
    this.#forget(state);
    this.#probe.onForgotten(space, now);
  }

  /**
   * A client received Retry: what it sent is to be sent again, with the token, and recovery starts over (RFC 9002 §6.3). Packet numbers go on. The host
   * hears of every frame as lost.
   */
  resetForRetry(now: number): void {
    const initial = this.#spaces[Space.INITIAL];
    const first = initial.sent.get(initial.sent.oldest);
    // §6.3 allows to take the Retry for an RTT sample; after a timeout it could be the answer to either packet.
    if (this.#probe.count === 0 && first !== undefined && !this.rtt.hasSample) {
      this.#firstSampleTime = now;
      this.rtt.update(Math.max(0, now - first.timeSent), 0, false, 0);
    }
    for (const space of [Space.INITIAL, Space.APPLICATION] as const) {
      const { sent } = this.#spaces[space];
      for (let pn = sent.oldest; pn < sent.end; pn++) {
        const packet = sent.get(pn);
        if (packet !== undefined && !packet.requeued) this.#reportLost(space, packet);
      }
      this.#forget(this.#spaces[space]);
      this.#probe.onForgotten(space, now);
    }
  }

  // --- Inside

  /** Takes a packet out of the ring and out of flight. Its contents stay readable until the next packet is sent. */
  #leave(state: SentSpace, packet: SentPacket, packetNumber: number): void {
    state.sent.remove(packetNumber);
    if (!packet.inFlight) return;
    this.bytesInFlight -= packet.size;
    if (packet.ackEliciting) state.elicitingInFlight--;
  }

  #sampleRtt(space: Space, latest: number, ackDelay: number, now: number): void {
    // An ACK that was lost comes again with a probe, long after the packets came. Only max_ack_delay of that may be subtracted (§5.3), so what
    // is mostly waiting tells nothing of the path and would stretch every timeout.
    const { maxAckDelay, isHandshakeConfirmed } = this.#probe;
    if (ackDelay > 2 * maxAckDelay && ackDelay > latest / 2) return;
    if (!this.rtt.hasSample) this.#firstSampleTime = now;
    // §5.3: Initial packets are acknowledged without delay, whatever the field says.
    const delay = space === Space.INITIAL ? 0 : ackDelay;
    this.rtt.update(Math.max(0, latest), delay, isHandshakeConfirmed, maxAckDelay);
  }

  /** RFC 9002 A.10 and B.8, up to telling the host. */
  #detectLost(space: Space, now: number): void {
    const state = this.#spaces[space];
    state.lossTime = Infinity;
    const { sent, largestAcked } = state;
    const { rtt } = this;
    const { packetThreshold, timeThreshold } = this.#reordering;
    const lossDelay = Math.max(timeThreshold * this.#lossRtt, K_GRANULARITY);
    const tooOld = sent.end - MAX_SENT_PACKETS;
    const last = Math.max(largestAcked, tooOld - 1);
    let newestLost = -1;
    this.#persistent.begin(this.pto * K_PERSISTENT_CONGESTION_THRESHOLD, this.#firstSampleTime);
    for (let pn = sent.oldest; pn <= last; pn++) {
      const packet = sent.get(pn);
      if (packet === undefined) {
        if (!state.isSkipped(pn)) this.#persistent.onGap();
        continue;
      }
      // The same sum as in lossTime: rounded another way, a timeout could find nothing to do and come back for ever.
      const lossTime = packet.timeSent + lossDelay;
      if (largestAcked < pn + packetThreshold && now < lossTime && pn >= tooOld) {
        // Nobody needs to be woken for the loss of an ACK.
        if (packet.inFlight && lossTime < state.lossTime) state.lossTime = lossTime;
        continue;
      }
      this.#lost[this.#lostCount++] = packet;
      if (space === Space.APPLICATION) this.#reordering.onLost(pn, packet.timeSent);
      this.#leave(state, packet, pn);
      if (!packet.inFlight) continue;
      this.packetsLost++;
      // Losses of the old path are no fault of the new one.
      if (packet.timeSent <= this.#pathStart) continue;
      newestLost = packet.timeSent;
      this.#persistent.onLost(packet.timeSent, packet.ackEliciting);
    }
    if (newestLost < 0) return;
    // The window may be full of 1-RTT packets that the peer has no keys for yet, and whose timeout is not armed before the handshake is confirmed: what
    // the handshake lost must not wait for them.
    if (space !== Space.APPLICATION) this.#probe.request(space);
    this.controller.onCongestionEvent(newestLost, now);
    if (this.#persistent.found) {
      this.controller.onPersistentCongestion();
      rtt.resetMin();
    }
  }

  /** RFC 9002 §6.1.2: the round-trip time that the time threshold is a multiple of. */
  get #lossRtt(): number {
    return Math.max(this.rtt.latest, this.rtt.smoothed);
  }

  #updatePacer(now: number): void {
    if (!this.rtt.hasSample) return;
    const { congestionWindow, slowStartThreshold } = this.controller;
    this.#pacer.setRate(congestionWindow, this.rtt.smoothed, congestionWindow < slowStartThreshold, now);
  }

  #earliestLossTime(): number {
    const [initial, handshake, application] = this.#spaces;
    return Math.min(initial.lossTime, handshake.lossTime, application.lossTime);
  }

  #forget(state: SentSpace): void {
    const { sent } = state;
    for (let pn = sent.oldest; pn < sent.end; pn++) {
      const packet = sent.get(pn);
      // A record whose packet was never sent has nothing in flight.
      if (packet !== undefined && packet.inFlight) this.bytesInFlight -= packet.size;
    }
    sent.clear();
    state.elicitingInFlight = 0;
    state.lossTime = Infinity;
  }

  #report(space: Space): void {
    const ackedCount = this.#ackedCount;
    const lostCount = this.#lostCount;
    for (let i = 0; i < ackedCount; i++) {
      const { carried, carriedCount } = this.#acked[i]!;
      for (let at = 0; at < carriedCount * 4; at += 4) {
        this.#host.onAcked(space, carried[at] as Carried, carried[at + 1]!, carried[at + 2]!, carried[at + 3]!);
      }
    }
    for (let i = 0; i < lostCount; i++) {
      // What a probe took over has its own record by now.
      if (!this.#lost[i]!.requeued) this.#reportLost(space, this.#lost[i]!);
    }
  }

  #reportLost(space: Space, packet: SentPacket): void {
    const { carried, carriedCount } = packet;
    for (let at = 0; at < carriedCount * 4; at += 4) {
      this.#host.onLost(space, carried[at] as Carried, carried[at + 1]!, carried[at + 2]!, carried[at + 3]!);
    }
  }
}
