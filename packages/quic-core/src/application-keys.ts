/**
 * 1-RTT keys and their phases (RFC 9001 §6).
 *
 * A generation counts key updates from 0; its lowest bit is the Key Phase bit. Our sending and the peer's may be one generation apart for a while. The
 * next generation's read key is made in advance, so that a spoofed phase bit costs no key derivation. The previous one is kept for packets
 * that were overtaken, for three PTOs.
 */
import type { CipherSuite, CryptoProvider } from '@mquictt/tls13';
import { TransportError, TransportErrorCode } from './errors.ts';
import { derivePacketKey, derivePacketKeys, nextSecret, type PacketKeys } from './protection/keys.ts';
import type { HeaderKey, PacketKey, PacketProtector } from './protection/protector.ts';
import type { QuicVersion } from './version.ts';

/** Which read key a packet's phase bit asks for. */
export type ReadPhase = 'current' | 'next' | 'previous';

export class ApplicationKeys {
  readonly #provider: CryptoProvider;
  readonly #protector: PacketProtector;
  readonly #version: QuicVersion;

  #suite: CipherSuite | undefined = undefined;
  #readSecret: Uint8Array = new Uint8Array(0);
  #writeSecret: Uint8Array = new Uint8Array(0);

  readHeaderKey: HeaderKey | undefined = undefined;
  writeHeaderKey: HeaderKey | undefined = undefined;
  writeKey: PacketKey | undefined = undefined;
  readKey: PacketKey | undefined = undefined;
  #nextReadKey: PacketKey | undefined = undefined;
  #previousReadKey: PacketKey | undefined = undefined;

  readGeneration: number = 0;
  writeGeneration: number = 0;
  /** First packet number we sent in the current write generation; -1 until one was sent. */
  firstSentInGeneration: number = -1;
  /** Lowest packet number received in the current read generation. */
  #firstReceivedInGeneration: number = Infinity;
  /** An ACK was sent in the current write generation: by it the peer learns that its update has arrived. */
  hasAcknowledged: boolean = false;
  /** Packets sealed with the current write key. */
  sealedCount: number = 0;
  /** ms; when the previous read key goes. */
  previousKeyDeadline: number = Infinity;

  constructor(provider: CryptoProvider, protector: PacketProtector, version: QuicVersion) {
    this.#provider = provider;
    this.#protector = protector;
    this.#version = version;
  }

  setReadSecret(suite: CipherSuite, secret: Uint8Array): void {
    this.#suite = suite;
    this.#readSecret = secret;
    const keys = this.#derive(secret);
    this.readHeaderKey = keys.headerKey;
    this.readKey = keys.packetKey;
  }

  setWriteSecret(suite: CipherSuite, secret: Uint8Array): void {
    this.#suite = suite;
    this.#writeSecret = secret;
    const keys = this.#derive(secret);
    this.writeHeaderKey = keys.headerKey;
    this.writeKey = keys.packetKey;
  }

  /** Makes the next read key; called once the handshake is confirmed, since no update may come earlier. */
  prepareNext(): void {
    if (this.#nextReadKey === undefined && this.readKey !== undefined) {
      this.#nextReadKey = this.#derivePacketKey(this.#next(this.#readSecret));
    }
  }

  /** Key updates so far, whoever began them. */
  get updateCount(): number {
    return Math.max(this.readGeneration, this.writeGeneration);
  }

  get writePhaseBit(): number {
    return this.writeGeneration & 1;
  }

  /** Decides which key may open a packet. */
  readPhase(phaseBit: number, packetNumber: number): ReadPhase {
    if (phaseBit === (this.readGeneration & 1)) return 'current';
    // RFC 9001 §6.3: below the first packet of this generation it was sealed before the update, else it starts the next one.
    return packetNumber < this.#firstReceivedInGeneration && this.#previousReadKey !== undefined ? 'previous' : 'next';
  }

  /** @returns undefined where there is no such key: drop the packet. */
  keyFor(phase: ReadPhase): PacketKey | undefined {
    return phase === 'current' ? this.readKey : phase === 'next' ? this.#nextReadKey : this.#previousReadKey;
  }

  /**
   * A packet was opened.
   * @param previousKeyDeadline ms; when overtaken packets of the old phase need no longer be opened
   * @throws TransportError KEY_UPDATE_ERROR
   */
  onOpened(phase: ReadPhase, packetNumber: number, previousKeyDeadline: number): void {
    if (phase === 'current') {
      if (packetNumber < this.#firstReceivedInGeneration) this.#firstReceivedInGeneration = packetNumber;
      return;
    }
    if (phase === 'previous') return;
    // RFC 9001 §6.2: the peer must not update again before an ACK of ours under the new keys has told it that its last update arrived.
    // (Where we are one generation ahead, it merely follows, or the two have crossed.)
    if (this.readGeneration > 0 && this.writeGeneration === this.readGeneration && !this.hasAcknowledged) {
      throw new TransportError(
        TransportErrorCode.KEY_UPDATE_ERROR,
        'Peer updated keys twice without waiting for an acknowledgement',
      );
    }
    this.#previousReadKey = this.readKey;
    this.previousKeyDeadline = previousKeyDeadline;
    this.readKey = this.#nextReadKey;
    this.#readSecret = this.#next(this.#readSecret);
    this.#nextReadKey = undefined;
    this.prepareNext();
    this.readGeneration++;
    this.#firstReceivedInGeneration = packetNumber;
    // RFC 9001 §6.2: answer with our own update before the next packet is sent.
    if (this.writeGeneration < this.readGeneration) this.#advanceWrite();
  }

  /** RFC 9001 §6.1: not before the handshake is confirmed and a packet of the current phase acknowledged. */
  canUpdate(largestAcked: number): boolean {
    return (
      this.#nextReadKey !== undefined &&
      this.readGeneration === this.writeGeneration &&
      this.firstSentInGeneration >= 0 &&
      largestAcked >= this.firstSentInGeneration
    );
  }

  /** Starts an update: the next packet goes out in the next phase; reading follows when the peer does. */
  initiateUpdate(): void {
    this.#advanceWrite();
  }

  /** Drops the previous read key when its time has come. */
  handleTimeout(now: number): void {
    if (now >= this.previousKeyDeadline) {
      this.#previousReadKey = undefined;
      this.previousKeyDeadline = Infinity;
    }
  }

  #advanceWrite(): void {
    this.#writeSecret = this.#next(this.#writeSecret);
    this.writeKey = this.#derivePacketKey(this.#writeSecret);
    this.writeGeneration++;
    this.firstSentInGeneration = -1;
    this.hasAcknowledged = false;
    this.sealedCount = 0;
  }

  #next(secret: Uint8Array): Uint8Array {
    return nextSecret(this.#provider, this.#version, this.#suite!, secret);
  }

  #derive(secret: Uint8Array): PacketKeys {
    return derivePacketKeys(this.#provider, this.#protector, this.#version, this.#suite!, secret);
  }

  /** Header protection keeps its key over updates (RFC 9001 §6.1). */
  #derivePacketKey(secret: Uint8Array): PacketKey {
    return derivePacketKey(this.#provider, this.#protector, this.#version, this.#suite!, secret);
  }
}
