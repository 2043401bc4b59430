/**
 * The probe timeout (RFC 9002 §6.2, appendix A.8 and A.9): when the peer has been silent for too long, and in which spaces to probe it.
 *
 * Each space has its own; the earliest counts, and all back off together. There is no timer in here: the deadline is computed from what is known.
 */
import { MAX_HASTENED_PROBES, MAX_PTO_BACKOFF } from '../limits.ts';
import type { RttEstimator } from './rtt.ts';
import type { SentSpace } from './sent-space.ts';
import { Space, SPACES } from './spaces.ts';

/** RFC 9002 §6.2.4 allows up to two probes per timeout; the second survives where the first is lost. */
const PROBES_PER_PTO = 2;

const HANDSHAKE_SPACES = [Space.INITIAL, Space.HANDSHAKE] as const;

/** Whose round-trip time it is; a new path has a new estimate. */
export interface RttOwner {
  readonly rtt: RttEstimator;
}

export class ProbeTimer {
  readonly #owner: RttOwner;
  readonly #spaces: readonly [SentSpace, SentSpace, SentSpace];
  readonly #isClient: boolean;
  #hasHandshakeKeys: boolean = false;
  #peerCompletedAddressValidation: boolean;
  /** What the anti-deadlock timer of a client with nothing in flight counts from, ms; Infinity before the first packet. */
  #lastActivity: number = Infinity;
  isHandshakeConfirmed: boolean = false;
  /** Server: the anti-amplification limit forbids to send. */
  isAmplificationBlocked: boolean = false;
  /** max_ack_delay of the peer, ms. */
  maxAckDelay: number = 25;
  /** Timeouts since the last acknowledgement: the exponent of the backoff. */
  count: number = 0;
  /** Timeouts in the life of the connection. */
  firedCount: number = 0;
  /** The space whose timeout the last one was. */
  space: Space = Space.INITIAL;
  #hastenedCount: number = 0;
  /** Probes still to be sent per space. */
  readonly probes: [number, number, number] = [0, 0, 0];

  constructor(owner: RttOwner, spaces: readonly [SentSpace, SentSpace, SentSpace], isClient: boolean) {
    this.#owner = owner;
    this.#spaces = spaces;
    this.#isClient = isClient;
    // RFC 9002 A.6: a server may assume it, as clients validate the server's address by the handshake itself.
    this.#peerCompletedAddressValidation = !isClient;
  }

  /** The timeout of the application space without backoff, ms. */
  get period(): number {
    return this.#owner.rtt.pto(this.maxAckDelay);
  }

  setHandshakeState(hasHandshakeKeys: boolean, isConfirmed: boolean, peerCompletedAddressValidation: boolean): void {
    this.#hasHandshakeKeys = hasHandshakeKeys;
    this.isHandshakeConfirmed = isConfirmed;
    if (this.#isClient) this.#peerCompletedAddressValidation = peerCompletedAddressValidation || isConfirmed;
  }

  onElicitingSent(space: Space, now: number): void {
    this.#lastActivity = now;
    if (this.probes[space] > 0) this.probes[space]--;
  }

  /** @param isEliciting whether a packet that elicits was newly acknowledged */
  onAcked(space: Space, isEliciting: boolean, now: number): void {
    if (isEliciting) this.probes[space] = 0;
    // RFC 9002 §6.2.1: a client that does not know whether the server may answer keeps backing off.
    if (this.#peerCompletedAddressValidation) this.count = 0;
    this.#lastActivity = now;
  }

  /** Asks for a probe without a timeout. */
  request(space: Space): void {
    this.probes[space] = Math.max(this.probes[space], 1);
  }

  /**
   * RFC 9002 §6.2.3: what came shows that the peer lacks handshake data of ours, or we some of its own: no need to wait for the timeout, which is a
   * second before the first RTT sample. A few times in a handshake.
   */
  hasten(): void {
    const spaces = HANDSHAKE_SPACES.filter((space) => this.#spaces[space].elicitingInFlight > 0);
    if (spaces.length === 0 || this.#hastenedCount === MAX_HASTENED_PROBES) return;
    this.#hastenedCount++;
    for (const space of spaces) this.probes[space] = PROBES_PER_PTO;
  }

  /** The packets of a space are forgotten: RFC 9002 §6.2.2 resets the backoff. */
  onForgotten(space: Space, now: number): void {
    this.probes[space] = 0;
    this.count = 0;
    this.#lastActivity = now;
  }

  /** ms; Infinity = none. */
  deadline(): number {
    // RFC 9002 §6.2.2.1: a server that may not send anyway does not count timeouts.
    if (this.isAmplificationBlocked) return Infinity;
    let earliest = this.#antiDeadlockTime();
    for (const space of SPACES) earliest = Math.min(earliest, this.#timeOf(space));
    return earliest;
  }

  /** The deadline has come: decides what to probe. */
  fire(now: number): void {
    let earliest = Infinity;
    for (const space of SPACES) {
      const time = this.#timeOf(space);
      if (time >= earliest) continue;
      earliest = time;
      this.space = space;
    }
    if (this.#antiDeadlockTime() < earliest) {
      // RFC 9002 §6.2.2.1: nothing is in flight, but the server may be waiting for bytes before it can go on.
      this.space = this.#hasHandshakeKeys ? Space.HANDSHAKE : Space.INITIAL;
      this.probes[this.space] = 1;
      this.#lastActivity = now;
    } else {
      this.probes[this.space] = PROBES_PER_PTO;
      // The next timeout counts from here also when no probe can be sent.
      this.#spaces[this.space].lastElicitingTime = now;
      this.#probeOtherHandshakeSpace();
    }
    this.count++;
    this.firedCount++;
  }

  #timeOf(space: Space): number {
    const state = this.#spaces[space];
    if (state.elicitingInFlight === 0) return Infinity;
    if (space !== Space.APPLICATION) return state.lastElicitingTime + this.#owner.rtt.pto(0) * this.#backoff;
    // RFC 9002 §6.2.1: not before the handshake is confirmed, as the peer may not have the keys to acknowledge.
    return this.isHandshakeConfirmed ? state.lastElicitingTime + this.period * this.#backoff : Infinity;
  }

  /** RFC 9002 §6.2.2.1. 0-RTT packets in flight do not count: their timeout is not armed before the handshake is confirmed. */
  #antiDeadlockTime(): number {
    if (this.#peerCompletedAddressValidation) return Infinity;
    const [initial, handshake] = this.#spaces;
    if (initial.elicitingInFlight > 0 || handshake.elicitingInFlight > 0) return Infinity;
    return this.#lastActivity + this.#owner.rtt.pto(0) * this.#backoff;
  }

  get #backoff(): number {
    return 2 ** Math.min(this.count, MAX_PTO_BACKOFF);
  }

  /** RFC 9002 §6.2.4: probes of other spaces with data in flight may be coalesced; in a handshake that saves round trips. */
  #probeOtherHandshakeSpace(): void {
    if (this.space === Space.APPLICATION) return;
    const other = this.space === Space.INITIAL ? Space.HANDSHAKE : Space.INITIAL;
    if (this.#spaces[other].elicitingInFlight > 0) this.request(other);
  }
}
