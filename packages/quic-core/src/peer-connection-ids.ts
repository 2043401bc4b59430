/**
 * Connection IDs that the peer issued to us (RFC 9000 §5.1.2): the one in use, spares, and retirements to announce.
 */
import type { Writer } from './cursor.ts';
import { varintSize } from './cursor.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import { ConnectionId } from './connection-id.ts';
import { FrameType } from './frames/frame-type.ts';
import { writeRetireConnectionId } from './frames/connection-ids.ts';
import { ACTIVE_CONNECTION_ID_LIMIT, MAX_PENDING_RETIREMENTS } from './limits.ts';
import { Carried, type SentPacket } from './recovery/sent-packet.ts';

const NO_TOKEN = new Uint8Array(0);

interface PeerId {
  readonly sequence: number;
  readonly id: ConnectionId;
  /** 16 bytes, or empty where the peer gave none. */
  readonly token: Uint8Array;
}

/** Told which reset tokens count (RFC 9000 §10.3.1: only those actually received and not retired). */
export interface ResetTokenListener {
  addResetToken(token: Uint8Array): void;
  removeResetToken(token: Uint8Array): void;
}

export class PeerConnectionIds {
  readonly #listener: ResetTokenListener;
  readonly #ids: Map<number, PeerId> = new Map();
  #active: PeerId;
  #retirePriorTo: number = 0;
  /** Sequence numbers whose RETIRE_CONNECTION_ID is to be sent. */
  readonly #pending: number[] = [];
  /** Retirements sent and not acknowledged. */
  #outstandingCount: number = 0;

  constructor(listener: ResetTokenListener, first: ConnectionId) {
    this.#listener = listener;
    this.#active = { sequence: 0, id: first, token: NO_TOKEN };
    this.#ids.set(0, this.#active);
  }

  /** Destination of our packets. */
  get active(): ConnectionId {
    return this.#active.id;
  }

  /** During the handshake the peer's choice replaces the first, random destination (RFC 9000 §7.2). */
  replaceFirst(id: ConnectionId): void {
    this.#active = { sequence: 0, id, token: NO_TOKEN };
    this.#ids.set(0, this.#active);
  }

  /** The stateless_reset_token transport parameter belongs to sequence number 0. */
  setFirstToken(token: Uint8Array): void {
    const copy = token.slice();
    this.#active = { sequence: 0, id: this.#active.id, token: copy };
    this.#ids.set(0, this.#active);
    this.#listener.addResetToken(copy);
  }

  /**
   * NEW_CONNECTION_ID (RFC 9000 §19.15).
   * @throws TransportError PROTOCOL_VIOLATION, CONNECTION_ID_LIMIT_ERROR
   */
  onNew(sequence: number, retirePriorTo: number, bytes: Uint8Array, token: Uint8Array): void {
    if (this.#active.id.bytes.length === 0) {
      throw violation('Peer that uses a zero-length connection ID issues another');
    }
    const known = this.#ids.get(sequence);
    const id = new ConnectionId(bytes);
    if (known !== undefined) {
      // A retransmission says the same again; anything else is an attack (RFC 9000 §19.15).
      if (!known.id.equals(id)) throw violation(`Peer issues connection ID ${sequence} twice with different values`);
      return;
    }
    for (const other of this.#ids.values()) {
      if (other.id.equals(id)) throw violation(`Peer issues one connection ID under two sequence numbers`);
    }
    if (sequence < this.#retirePriorTo) {
      this.#retire(sequence);
    } else {
      const entry = { sequence, id, token: token.slice() };
      this.#ids.set(sequence, entry);
      this.#listener.addResetToken(entry.token);
    }
    if (retirePriorTo > this.#retirePriorTo) {
      this.#retirePriorTo = retirePriorTo;
      for (const entry of [...this.#ids.values()]) {
        if (entry.sequence >= retirePriorTo) continue;
        this.#ids.delete(entry.sequence);
        if (entry.token.length > 0) this.#listener.removeResetToken(entry.token);
        this.#retire(entry.sequence);
      }
      if (!this.#ids.has(this.#active.sequence)) {
        // The frame's own ID is at or above retire_prior_to, so one is always left.
        this.#active = this.#ids.values().next().value!;
      }
    }
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
      if (entry.sequence === this.#active.sequence) continue;
      const old = this.#active;
      this.#active = entry;
      this.#ids.delete(old.sequence);
      if (old.token.length > 0) this.#listener.removeResetToken(old.token);
      this.#retire(old.sequence);
      return true;
    }
    return false;
  }

  hasPending(): boolean {
    return this.#pending.length > 0;
  }

  writeFrames(writer: Writer, packet: SentPacket): void {
    while (this.#pending.length > 0) {
      const sequence = this.#pending[this.#pending.length - 1]!;
      if (1 + varintSize(sequence) > writer.remaining) return;
      writeRetireConnectionId(writer, sequence);
      packet.carry(Carried.RETIRE_CONNECTION_ID, sequence, 0, 0);
      this.#pending.pop();
      this.#outstandingCount++;
    }
  }

  onAcked(): void {
    this.#outstandingCount--;
  }

  onLost(sequence: number): void {
    this.#outstandingCount--;
    this.#pending.push(sequence);
  }

  /** The connection is gone. */
  close(): void {
    for (const entry of this.#ids.values()) if (entry.token.length > 0) this.#listener.removeResetToken(entry.token);
    this.#ids.clear();
    this.#pending.length = 0;
  }

  #retire(sequence: number): void {
    if (this.#pending.includes(sequence)) return;
    // A peer that withholds acknowledgements while it retires IDs must not grow this queue (CVE-2024-22189).
    if (this.#pending.length + this.#outstandingCount >= MAX_PENDING_RETIREMENTS) {
      throw new TransportError(
        TransportErrorCode.CONNECTION_ID_LIMIT_ERROR,
        `Peer makes us retire connection IDs faster than it acknowledges`,
        FrameType.NEW_CONNECTION_ID,
      );
    }
    this.#pending.push(sequence);
  }
}

function violation(message: string): TransportError {
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, message, FrameType.NEW_CONNECTION_ID);
}
