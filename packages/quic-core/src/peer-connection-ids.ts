/**
 * Connection IDs that the peer issued to us (RFC 9000 §5.1.2): the one in use, spares, and retirements to announce.
 */
import { equalBytes } from '@mquictt/tls13';
import type { Writer } from './cursor.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import { ConnectionId } from './connection-id.ts';
import { FrameType } from './frames/frame-type.ts';
import { retireConnectionIdSize, writeRetireConnectionId } from './frames/connection-ids.ts';
import { ACTIVE_CONNECTION_ID_LIMIT, MAX_PENDING_RETIREMENTS, MAX_RETIRED_RANGES } from './limits.ts';
import { Ranges } from './recovery/ranges.ts';
import { Carried, type SentPacket } from './recovery/sent-packet.ts';

const NO_TOKEN = new Uint8Array(0);

interface PeerId {
  readonly sequence: number;
  readonly id: ConnectionId;
  /** 16 bytes, or empty where the peer gave none. */
  readonly token: Uint8Array;
}

/** Told which reset tokens count (RFC 9000 §10.3.1: only those of connection IDs that are in use). */
export interface ResetTokenListener {
  addResetToken(token: Uint8Array): void;
  removeResetToken(token: Uint8Array): void;
}

export class PeerConnectionIds {
  readonly #listener: ResetTokenListener;
  readonly #ids: Map<number, PeerId> = new Map();
  #active: PeerId;
  #handshakeId: ConnectionId;
  #retirePriorTo: number = 0;
  /** Sequence numbers that were retired: a frame that comes twice must neither bring them back nor be answered again. */
  readonly #retired: Ranges = new Ranges();
  /** Retirements that the peer has not acknowledged, sent or not. */
  readonly #retiring: number[] = [];
  /** Those of them that are to be sent. */
  readonly #pending: number[] = [];

  constructor(listener: ResetTokenListener, first: ConnectionId) {
    this.#listener = listener;
    this.#active = { sequence: 0, id: first, token: NO_TOKEN };
    this.#handshakeId = first;
    this.#ids.set(0, this.#active);
  }

  /** Destination of our packets. */
  get active(): ConnectionId {
    return this.#active.id;
  }

  /** Source of the peer's long headers: it stays the same for the whole handshake, whatever we use by then (RFC 9000 §7.2). */
  get handshakeId(): ConnectionId {
    return this.#handshakeId;
  }

  /** During the handshake the peer's choice replaces the first, random destination (RFC 9000 §7.2). */
  replaceFirst(id: ConnectionId): void {
    this.#handshakeId = id;
    this.#active = { sequence: 0, id, token: NO_TOKEN };
    this.#ids.set(0, this.#active);
  }

  /** The stateless_reset_token transport parameter belongs to sequence number 0. */
  setFirstToken(token: Uint8Array): void {
    const entry = { sequence: 0, id: this.#handshakeId, token: token.slice() };
    this.#ids.set(0, entry);
    this.#use(entry);
  }

  /**
   * NEW_CONNECTION_ID (RFC 9000 §19.15).
   * @throws TransportError PROTOCOL_VIOLATION, CONNECTION_ID_LIMIT_ERROR
   */
  onNew(sequence: number, retirePriorTo: number, bytes: Uint8Array, token: Uint8Array): void {
    if (this.#handshakeId.bytes.length === 0) {
      throw violation('Peer that uses a zero-length connection ID issues another');
    }
    const id = new ConnectionId(bytes);
    const known = this.#ids.get(sequence);
    if (known !== undefined) {
      // A retransmission says the same again; anything else is an attack (RFC 9000 §19.15).
      const isSameToken = known.token.length === 0 || equalBytes(known.token, token);
      if (!known.id.equals(id) || !isSameToken) {
        throw violation(`Peer issues connection ID ${sequence} twice with different values`);
      }
    } else if (!this.#retired.contains(sequence)) {
      for (const other of this.#ids.values()) {
        if (other.id.equals(id)) throw violation('Peer issues one connection ID under two sequence numbers');
      }
      this.#ids.set(sequence, { sequence, id, token: token.slice() });
    }
    if (retirePriorTo > this.#retirePriorTo) this.#retirePriorTo = retirePriorTo;
    this.#applyRetirePriorTo();
    if (this.#ids.size > ACTIVE_CONNECTION_ID_LIMIT) {
      throw new TransportError(
        TransportErrorCode.CONNECTION_ID_LIMIT_ERROR,
        `Peer issued more than ${ACTIVE_CONNECTION_ID_LIMIT} connection IDs`,
        FrameType.NEW_CONNECTION_ID,
      );
    }
  }

  /** Goes over to an unused ID, as a new path demands (RFC 9000 §9.5). @returns false when there is no spare. */
  rotate(): boolean {
    for (const entry of this.#ids.values()) {
      if (entry === this.#active) continue;
      const old = this.#active;
      this.#use(entry);
      this.#retire(old);
      return true;
    }
    return false;
  }

  /** RFC 9000 §10.3.1: whether a datagram that nobody could read ends with the token of the ID in use. */
  isResetToken(buffer: Uint8Array, end: number): boolean {
    const { token } = this.#active;
    return token.length > 0 && equalBytes(token, buffer.subarray(end - token.length, end));
  }

  hasPending(): boolean {
    return this.#pending.length > 0;
  }

  writeFrames(writer: Writer, packet: SentPacket): void {
    while (this.#pending.length > 0) {
      const sequence = this.#pending[this.#pending.length - 1]!;
      if (retireConnectionIdSize(sequence) > writer.remaining) return;
      this.#pending.pop();
      // Acknowledged meanwhile: an earlier copy of the frame was not lost after all.
      if (!this.#retiring.includes(sequence)) continue;
      writeRetireConnectionId(writer, sequence);
      packet.carry(Carried.RETIRE_CONNECTION_ID, sequence, 0, 0);
    }
  }

  onAcked(sequence: number): void {
    const at = this.#retiring.indexOf(sequence);
    if (at >= 0) this.#retiring.splice(at, 1);
  }

  onLost(sequence: number): void {
    if (this.#retiring.includes(sequence) && !this.#pending.includes(sequence)) this.#pending.push(sequence);
  }

  /** The connection is gone. */
  close(): void {
    if (this.#active.token.length > 0) this.#listener.removeResetToken(this.#active.token);
    this.#ids.clear();
    this.#retiring.length = 0;
    this.#pending.length = 0;
  }

  /** RFC 9000 §5.1.2: IDs below the limit are given back, also those that arrive later. */
  #applyRetirePriorTo(): void {
    const limit = this.#retirePriorTo;
    for (const entry of this.#ids.values()) {
      if (entry.sequence < limit && entry !== this.#active) this.#retire(entry);
    }
    const old = this.#active;
    if (old.sequence >= limit) return;
    for (const entry of this.#ids.values()) {
      if (entry === old) continue;
      this.#use(entry);
      this.#retire(old);
      return;
    }
    // The frame's own ID is at the limit or above, so this takes one that we had given back already.
    throw violation(`Peer retires the connection IDs below ${limit}, which leaves none`);
  }

  #use(entry: PeerId): void {
    if (this.#active.token.length > 0) this.#listener.removeResetToken(this.#active.token);
    this.#active = entry;
    if (entry.token.length > 0) this.#listener.addResetToken(entry.token);
  }

  #retire({ sequence }: PeerId): void {
    // A peer that withholds acknowledgements while it retires IDs must not grow this queue (CVE-2024-22189).
    if (this.#retiring.length >= MAX_PENDING_RETIREMENTS) {
      throw new TransportError(
        TransportErrorCode.CONNECTION_ID_LIMIT_ERROR,
        'Peer makes us retire connection IDs faster than it acknowledges',
        FrameType.NEW_CONNECTION_ID,
      );
    }
    this.#ids.delete(sequence);
    this.#retired.add(sequence, sequence + 1);
    this.#retired.trimTo(MAX_RETIRED_RANGES);
    this.#retiring.push(sequence);
    this.#pending.push(sequence);
  }
}

function violation(message: string): TransportError {
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, message, FrameType.NEW_CONNECTION_ID);
}
