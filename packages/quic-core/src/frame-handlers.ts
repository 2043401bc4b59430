/**
 * What each frame of an opened packet does to the connection (RFC 9000 §19), in the order of the frame table. Syntax and packet type are checked
 * before; roles and states are checked here or where the frame is passed on.
 */
import { fromUtf8 } from './bytes.ts';
import { connectionIdKey } from './connection-id.ts';
import type { ConnectionContext } from './connection-context.ts';
import { QuicError, TransportError, TransportErrorCode, transportErrorName } from './errors.ts';
import { FrameType } from './frames/frame-type.ts';
import type { FrameHandler } from './frames/handler.ts';
import { RESET_TOKEN_LENGTH } from './frames/connection-ids.ts';
import type { HandshakeDriver } from './handshake-driver.ts';
import { MAX_REASON_LENGTH } from './limits.ts';
import type { Path } from './path.ts';
import { Space } from './recovery/spaces.ts';

export class FrameHandlers implements FrameHandler {
  readonly #context: ConnectionContext;
  readonly #driver: HandshakeDriver;

  // About the packet at hand.
  #space: Space = Space.INITIAL;
  #path: Path;
  #buffer: Uint8Array = new Uint8Array(0);
  #headerStart: number = 0;
  /** CRYPTO bytes came: the handshake is fed once the packet is done. */
  sawCrypto: boolean = false;

  constructor(context: ConnectionContext, driver: HandshakeDriver) {
    this.#context = context;
    this.#driver = driver;
    this.#path = context.path;
  }

  /** @param headerStart where the packet begins in `buffer`; both count until the packet is done */
  beginPacket(space: Space, path: Path, buffer: Uint8Array, headerStart: number): void {
    this.#space = space;
    this.#path = path;
    this.#buffer = buffer;
    this.#headerStart = headerStart;
    this.sawCrypto = false;
  }

  onPing(): void {}

  onAck(largest: number, ackDelay: number, ranges: Float64Array, rangeCount: number): void {
    const context = this.#context;
    const space = context.spaces[this.#space];
    // RFC 9000 §18.2: Initial and Handshake packets use the default exponent.
    const exponent = this.#space === Space.APPLICATION ? (context.peerParameters?.ackDelayExponent ?? 3) : 3;
    const delayMs = (ackDelay * 2 ** exponent) / 1000;
    if (!context.recovery.onAckReceived(this.#space, largest, delayMs, ranges, rangeCount, context.now)) return;
    if (largest > space.largestAcked) space.largestAcked = largest;
    // RFC 9002 A.6: an acknowledged Handshake packet proves that the server has validated our address.
    if (this.#space === Space.HANDSHAKE && context.isClient && !context.isHandshakeConfirmed) {
      context.recovery.setHandshakeState(true, false, true);
    }
  }

  onResetStream(id: number, errorCode: number, finalSize: number): void {
    this.#context.streams.onResetStream(id, errorCode, finalSize);
  }

  onStopSending(id: number, errorCode: number): void {
    this.#context.streams.onStopSending(id, errorCode);
  }

  onCrypto(offset: number, buffer: Uint8Array, start: number, end: number): void {
    const { crypto } = this.#context.spaces[this.#space];
    // RFC 9002 §6.2.3: a ClientHello that comes again says that our answer to it was lost.
    const isRepeated = end > start && crypto.isRead(offset + end - start);
    if (isRepeated && this.#space === Space.INITIAL && crypto.isOutstanding) this.#context.recovery.hastenProbes();
    crypto.onFrame(offset, buffer, start, end);
    this.sawCrypto = true;
  }

  onNewToken(): void {
    // RFC 9000 §19.7: only servers give tokens. Ours are not kept: address validation by token is not offered yet.
    if (!this.#context.isClient) throw violation('Client sends NEW_TOKEN', FrameType.NEW_TOKEN);
  }

  onStream(id: number, offset: number, buffer: Uint8Array, start: number, end: number, fin: boolean): void {
    this.#context.streams.onStream(id, offset, buffer, start, end, fin);
  }

  onMaxData(maximum: number): void {
    this.#context.streams.onMaxData(maximum);
  }

  onMaxStreamData(id: number, maximum: number): void {
    this.#context.streams.onMaxStreamData(id, maximum);
  }

  onMaxStreams(bidirectional: boolean, maximum: number): void {
    this.#context.streams.onMaxStreams(bidirectional, maximum);
  }

  onDataBlocked(limit: number): void {
    this.#context.streams.onDataBlocked(limit);
  }

  onStreamDataBlocked(id: number, limit: number): void {
    this.#context.streams.onStreamDataBlocked(id, limit);
  }

  onStreamsBlocked(bidirectional: boolean, limit: number): void {
    this.#context.streams.onStreamsBlocked(bidirectional, limit);
  }

  onNewConnectionId(
    sequence: number,
    retirePriorTo: number,
    buffer: Uint8Array,
    cidStart: number,
    cidLength: number,
    tokenStart: number,
  ): void {
    this.#context.peerIds.onNew(
      sequence,
      retirePriorTo,
      buffer.subarray(cidStart, cidStart + cidLength),
      buffer.subarray(tokenStart, tokenStart + RESET_TOKEN_LENGTH),
    );
  }

  onRetireConnectionId(sequence: number): void {
    const { localIds, localId, peerParameters } = this.#context;
    // The frame is for 1-RTT packets only, whose destination follows the first byte.
    const usedKey = connectionIdKey(this.#buffer, this.#headerStart + 1, localId.length);
    localIds.onRetire(sequence, usedKey, peerParameters?.activeConnectionIdLimit ?? 2);
  }

  onPathChallenge(buffer: Uint8Array, start: number): void {
    this.#path.onChallenge(buffer, start);
    // RFC 9000 §8.2.2: the answer goes to where the challenge came from; that address is remembered for it, one at a time.
    const { path, fallbackPath } = this.#context;
    if (this.#path !== path && this.#path !== fallbackPath) this.#context.candidatePath = this.#path;
  }

  onPathResponse(buffer: Uint8Array, start: number): void {
    // RFC 9000 §8.2.3: an answer validates the path that was asked, whichever way it comes back.
    const { path, fallbackPath } = this.#context;
    if (!path.onResponse(buffer, start)) {
      fallbackPath?.onResponse(buffer, start);
      return;
    }
    this.#context.fallbackPath = undefined;
    if (path.isOtherHost) this.#context.resetForPath();
  }

  onConnectionClose(
    application: boolean,
    errorCode: number,
    frameType: number,
    buffer: Uint8Array,
    reasonStart: number,
    reasonEnd: number,
  ): void {
    const reason = fromUtf8(buffer.subarray(reasonStart, Math.min(reasonEnd, reasonStart + MAX_REASON_LENGTH)));
    this.#context.drain(closeErrorOfPeer(application, errorCode, frameType, reason));
  }

  onHandshakeDone(): void {
    const context = this.#context;
    if (!context.isClient) throw violation('Client sends HANDSHAKE_DONE', FrameType.HANDSHAKE_DONE);
    if (!context.isHandshakeComplete)
      throw violation('HANDSHAKE_DONE before the handshake is complete', FrameType.HANDSHAKE_DONE);
    this.#driver.confirm(context.now);
  }
}

function violation(message: string, frameType: number): TransportError {
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, message, frameType);
}

function closeErrorOfPeer(application: boolean, errorCode: number, frameType: number, reason: string): QuicError {
  const because = reason === '' ? '' : `: ${reason}`;
  const options = { fault: 'peer' as const, errorCode, frameType, reason };
  if (application)
    return new QuicError(
      'ERR_QUIC_APPLICATION_CLOSE',
      `Peer closed the connection with application error ${errorCode}${because}`,
      options,
    );
  if (errorCode === TransportErrorCode.CONNECTION_REFUSED) {
    return new QuicError('ERR_QUIC_CONNECTION_REFUSED', `Peer refused the connection${because}`, options);
  }
  const code = errorCode >= 0x0100 && errorCode <= 0x01ff ? 'ERR_QUIC_TLS' : 'ERR_QUIC_TRANSPORT';
  return new QuicError(code, `Peer closed the connection with ${transportErrorName(errorCode)}${because}`, options);
}
