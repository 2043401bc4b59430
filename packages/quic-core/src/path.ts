/**
 * A path: local socket and remote address (RFC 9000 §8, §9), with what belongs to it: validation, the anti-amplification budget, and PATH_CHALLENGE
 * exchanges. Paths exist only once a connection has adopted them, never per source address seen.
 */
import type { Random } from '@mquictt/tls13';
import { copyBytes } from './bytes.ts';
import { PATH_DATA_LENGTH } from './frames/path.ts';
import { AMPLIFICATION_FACTOR, MAX_PATH_CHALLENGES, MAX_PATH_RESPONSES } from './limits.ts';
import { K_INITIAL_RTT } from './recovery/rtt.ts';

/** RFC 9000 §8.2.4. */
const VALIDATION_PTOS = 3;
/** RFC 9002 §6.2.2: the probe timeout of a path that has no round-trip sample, ms. */
const INITIAL_PTO = 3 * K_INITIAL_RTT;

export class Path {
  readonly socket: number;
  readonly address: string;
  readonly port: number;
  /** The peer receives at this address. */
  isValidated: boolean;
  bytesReceived: number = 0;
  bytesSent: number = 0;
  /** Answers to PATH_CHALLENGE waiting to be sent, oldest first; the oldest give way (CVE-2023-49295). */
  readonly responses: Uint8Array[] = [];
  /** Data of our outstanding challenges: an answer to any of them will do. */
  readonly #challenges: Uint8Array[] = [];
  isChallengePending: boolean = false;
  /** A path frame is in the datagram at hand, which is therefore padded (RFC 9000 §8.2.1, §8.2.2). */
  needsPadding: boolean = false;
  /** Another host than before, not merely another port of it: the network in between may be another one. */
  isOtherHost: boolean = false;
  /** ms; when to challenge again, or to give up. */
  challengeDeadline: number = Infinity;
  /** ms between the last challenge and the next. */
  #challengeInterval: number = 0;
  /** ms; when validation has failed (RFC 9000 §8.2.4). */
  validationDeadline: number = Infinity;

  constructor(socket: number, address: string, port: number, isValidated: boolean) {
    this.socket = socket;
    this.address = address;
    this.port = port;
    this.isValidated = isValidated;
  }

  isSame(socket: number, address: string, port: number): boolean {
    return this.port === port && this.socket === socket && this.address === address;
  }

  /** RFC 9000 §8.1: bytes that may still be sent here. */
  get sendBudget(): number {
    return this.isValidated ? Infinity : AMPLIFICATION_FACTOR * this.bytesReceived - this.bytesSent;
  }

  onChallenge(buffer: Uint8Array, start: number): void {
    if (this.responses.length === MAX_PATH_RESPONSES) this.responses.shift();
    const data = new Uint8Array(PATH_DATA_LENGTH);
    copyBytes(buffer, start, data, 0, PATH_DATA_LENGTH);
    this.responses.push(data);
  }

  /** Data of the challenge to send. */
  get challenge(): Uint8Array {
    return this.#challenges[this.#challenges.length - 1]!;
  }

  /** Asks the peer once to prove that it receives here (RFC 9000 §8.2.1). */
  challengeOnce(random: Random): void {
    const data = new Uint8Array(PATH_DATA_LENGTH);
    random.fillPublic(data);
    if (this.#challenges.length === MAX_PATH_CHALLENGES) this.#challenges.shift();
    this.#challenges.push(data);
    this.isChallengePending = true;
  }

  /**
   * Asks until it is proven or time is up. Challenges get lost like anything else, and are not retransmitted.
   * @param pto ms
   */
  startValidation(random: Random, now: number, pto: number): void {
    this.challengeOnce(random);
    this.#challengeInterval = pto;
    this.challengeDeadline = now + pto;
    // RFC 9000 §8.2.4: nothing is known of the new path's round-trip time yet.
    this.validationDeadline = now + VALIDATION_PTOS * Math.max(pto, INITIAL_PTO);
  }

  /** challengeDeadline has come. @returns whether validation has failed */
  handleTimeout(random: Random, now: number): boolean {
    if (now >= this.validationDeadline) {
      this.#endValidation();
      return true;
    }
    this.challengeOnce(random);
    this.#challengeInterval *= 2;
    this.challengeDeadline = Math.min(now + this.#challengeInterval, this.validationDeadline);
    return false;
  }

  /** @returns whether the response answers one of our challenges */
  onResponse(buffer: Uint8Array, start: number): boolean {
    const isAnswer = this.#challenges.some((data) => data.every((byte, i) => byte === buffer[start + i]));
    if (!isAnswer) return false;
    this.#endValidation();
    this.isValidated = true;
    return true;
  }

  #endValidation(): void {
    this.#challenges.length = 0;
    this.isChallengePending = false;
    this.challengeDeadline = Infinity;
    this.validationDeadline = Infinity;
  }
}
