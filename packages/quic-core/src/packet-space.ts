/**
 * One packet number space (RFC 9000 §12.3): its numbers, its keys, what it must acknowledge and its handshake bytes.
 *
 * The application space's keys change phase and live in application-keys.ts; here `readKey` and `writeKey` are those of Initial and Handshake.
 */
import type { PacketKeys } from './protection/keys.ts';
import { AckTracker } from './recovery/ack-tracker.ts';
import { Space } from './recovery/spaces.ts';
import { CryptoStream } from './crypto-stream.ts';
import { MAX_INITIAL_CRYPTO } from './limits.ts';

export class PacketSpace {
  readonly index: Space;
  readonly acks: AckTracker;
  readonly crypto: CryptoStream;
  nextPacketNumber: number = 0;
  /** Largest packet number of ours that the peer acknowledged, -1 before. */
  largestAcked: number = -1;
  readKeys: PacketKeys | undefined = undefined;
  writeKeys: PacketKeys | undefined = undefined;
  /** Keys were thrown away; nothing is sent or taken any more (RFC 9001 §4.9). */
  isDiscarded: boolean = false;
  /** ACK-only packets sent since the last ack-eliciting one. */
  ackOnlyCount: number = 0;

  constructor(index: Space, maxAckDelay: number) {
    this.index = index;
    this.acks = new AckTracker(index, maxAckDelay);
    this.crypto = new CryptoStream(index === Space.INITIAL ? MAX_INITIAL_CRYPTO : Infinity);
  }

  discard(): void {
    this.isDiscarded = true;
    this.readKeys = undefined;
    this.writeKeys = undefined;
    this.crypto.release();
  }
}
