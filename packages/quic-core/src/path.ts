/**
 * A path: local socket and remote address (RFC 9000 §8, §9), with what belongs to it: validation, the anti-amplification budget, and PATH_CHALLENGE
 * exchanges. Paths exist only once a connection has adopted them, never per source address seen.
 */
import type { Random } from '@mquictt/tls13';
import { copyBytes } from './bytes.ts';
import { PATH_DATA_LENGTH } from './frames/path.ts';
import { AMPLIFICATION_FACTOR, MAX_PATH_RESPONSES } from './limits.ts';

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
  /** Data of our outstanding challenge; empty when there is none. */
  challenge: Uint8Array = new Uint8Array(0);
  isChallengePending: boolean = false;
  /** A path frame is in the datagram at hand, which is therefore padded (RFC 9000 §8.2.1, §8.2.2). */
  needsPadding: boolean = false;
  /** ms; until when the challenge may be answered. */
  challengeDeadline: number = Infinity;

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

  /** Asks the peer to prove that it receives here (RFC 9000 §8.2.1). @param deadline ms */
  startChallenge(random: Random, deadline: number): void {
    if (this.isValidated) return;
    this.challenge = new Uint8Array(PATH_DATA_LENGTH);
    random.fillPublic(this.challenge);
    this.isChallengePending = true;
    this.challengeDeadline = deadline;
  }

  /** @returns whether the response answers our challenge. */
  onResponse(buffer: Uint8Array, start: number): boolean {
    if (this.challenge.length === 0) return false;
    for (let i = 0; i < PATH_DATA_LENGTH; i++) if (this.challenge[i] !== buffer[start + i]) return false;
    this.challenge = new Uint8Array(0);
    this.isChallengePending = false;
    this.challengeDeadline = Infinity;
    this.isValidated = true;
    return true;
  }
}
