/**
 * Connection IDs that we issued to the peer (RFC 9000 §5.1.1): which are alive, which are still to be announced.
 */
import type { Writer } from './cursor.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import type { ConnectionId } from './connection-id.ts';
import { FrameType } from './frames/frame-type.ts';
import { newConnectionIdSize, writeNewConnectionId } from './frames/connection-ids.ts';
import { MAX_ISSUED_CONNECTION_IDS } from './limits.ts';
import { Carried, type SentPacket } from './recovery/sent-packet.ts';

/** Where connection IDs come from and who routes by them: the endpoint. */
export interface ConnectionIdSource {
  /** A fresh ID, already routed to this connection. */
  issueConnectionId(): ConnectionId;
  /** The ID is no longer routed. */
  retireConnectionId(id: ConnectionId): void;
  /** RFC 9000 §10.3.2: the token that lets us end the connection after we lost its state. */
  statelessResetToken(id: ConnectionId): Uint8Array;
}

export class LocalConnectionIds {
  readonly #source: ConnectionIdSource;
  /** Alive IDs by sequence number. */
  readonly #ids: Map<number, ConnectionId> = new Map();
  /** Sequence numbers of alive IDs to announce (again), oldest first. */
  readonly #pending: number[] = [];
  #nextSequence: number = 0;
  /** Highest sequence number that the peer can know. */
  #largestSent: number = 0;

  /** @param first the ID of sequence number 0, used during the handshake */
  constructor(source: ConnectionIdSource, first: ConnectionId) {
    this.#source = source;
    this.#ids.set(this.#nextSequence++, first);
  }

  get size(): number {
    return this.#ids.size;
  }

  /** Issues IDs until the peer holds as many as it takes. @param peerLimit its active_connection_id_limit */
  fill(peerLimit: number): void {
    const wanted = Math.min(peerLimit, MAX_ISSUED_CONNECTION_IDS);
    while (this.#ids.size < wanted) {
      const sequence = this.#nextSequence++;
      this.#ids.set(sequence, this.#source.issueConnectionId());
      this.#pending.push(sequence);
    }
  }

  hasPending(): boolean {
    return this.#pending.length > 0;
  }

  writeFrames(writer: Writer, packet: SentPacket): void {
    while (this.#pending.length > 0) {
      const sequence = this.#pending[0]!;
      const id = this.#ids.get(sequence)!;
      if (newConnectionIdSize(sequence, 0, id.bytes.length) > writer.remaining) return;
      writeNewConnectionId(writer, sequence, 0, id.bytes, this.#source.statelessResetToken(id));
      packet.carry(Carried.NEW_CONNECTION_ID, sequence, 0, 0);
      if (sequence > this.#largestSent) this.#largestSent = sequence;
      this.#pending.shift();
    }
  }

  onLost(sequence: number): void {
    if (this.#ids.has(sequence) && !this.#pending.includes(sequence)) this.#pending.push(sequence);
  }

  /**
   * RETIRE_CONNECTION_ID (RFC 9000 §19.16).
   * @param usedKey key of the destination connection ID of the packet that carried the frame
   * @throws TransportError PROTOCOL_VIOLATION
   */
  onRetire(sequence: number, usedKey: string, peerLimit: number): void {
    // RFC 9000 §19.16: "greater than any previously sent to the peer".
    if (sequence > this.#largestSent) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `Peer retires connection ID ${sequence}, which was never issued`,
        FrameType.RETIRE_CONNECTION_ID,
      );
    }
    const id = this.#ids.get(sequence);
    if (id === undefined) return;
    if (id.key === usedKey) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        'Peer retires the connection ID that its own packet was sent to',
        FrameType.RETIRE_CONNECTION_ID,
      );
    }
    this.#ids.delete(sequence);
    // A lost announcement may wait here: without this, a peer that retires and acknowledges nothing would grow the list.
    const waiting = this.#pending.indexOf(sequence);
    if (waiting >= 0) this.#pending.splice(waiting, 1);
    this.#source.retireConnectionId(id);
    this.fill(peerLimit);
  }

  /** The connection is gone: route nothing to it any more. */
  retireAll(): void {
    for (const id of this.#ids.values()) this.#source.retireConnectionId(id);
    this.#ids.clear();
    this.#pending.length = 0;
  }
}
