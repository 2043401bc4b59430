/**
 * Where the frames of an opened packet go: one method per frame, with scalars, so that no object is made per frame.
 *
 * Bytes are buffer[start..end) and die with the call. Streams, limits and roles are the handler's to check (a NEW_TOKEN or HANDSHAKE_DONE
 * from a client is a PROTOCOL_VIOLATION); syntax and the packet type have been checked. A handler may throw TransportError.
 *
 * Numbers beyond 2^53-1 arrive as 2^53-1.
 */
export interface FrameHandler {
  onPing(): void;
  /**
   * @param ackDelay as on the wire: still to be shifted by ack_delay_exponent
   * @param ranges acknowledged packet numbers, newest first: ranges[2i] is the first and ranges[2i+1] one beyond the last of range i. Reused
   *   by the next ACK: do not keep it
   * @param rangeCount 1 or more
   * @param ect0 the three ECN counts, all -1 when the frame has none
   */
  onAck(
    largest: number,
    ackDelay: number,
    ranges: Float64Array,
    rangeCount: number,
    ect0: number,
    ect1: number,
    ce: number,
  ): void;
  onResetStream(id: number, errorCode: number, finalSize: number): void;
  onStopSending(id: number, errorCode: number): void;
  onCrypto(offset: number, buffer: Uint8Array, start: number, end: number): void;
  onNewToken(buffer: Uint8Array, start: number, end: number): void;
  /** offset + (end - start) is at most 2^53-1. */
  onStream(id: number, offset: number, buffer: Uint8Array, start: number, end: number, fin: boolean): void;
  onMaxData(maximum: number): void;
  onMaxStreamData(id: number, maximum: number): void;
  onMaxStreams(bidirectional: boolean, maximum: number): void;
  onDataBlocked(limit: number): void;
  onStreamDataBlocked(id: number, limit: number): void;
  onStreamsBlocked(bidirectional: boolean, limit: number): void;
  /** The stateless reset token is buffer[tokenStart..tokenStart+16). */
  onNewConnectionId(
    sequence: number,
    retirePriorTo: number,
    buffer: Uint8Array,
    cidStart: number,
    cidLength: number,
    tokenStart: number,
  ): void;
  onRetireConnectionId(sequence: number): void;
  /** The data is buffer[start..start+8). */
  onPathChallenge(buffer: Uint8Array, start: number): void;
  onPathResponse(buffer: Uint8Array, start: number): void;
  /** @param frameType 0 where the application closes */
  onConnectionClose(
    application: boolean,
    errorCode: number,
    frameType: number,
    buffer: Uint8Array,
    reasonStart: number,
    reasonEnd: number,
  ): void;
  onHandshakeDone(): void;
}
