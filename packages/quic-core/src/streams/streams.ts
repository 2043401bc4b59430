/**
 * All streams of one connection (RFC 9000 §2, §3, §4, §19.4 to §19.14): what the application does with them, what the peer's frames do to them, and the
 * frames that follow from both.
 *
 * This class is the order of calls. The work is beside it: SendHalf and ReceiveHalf (states, final sizes), StreamRegistry (ids and limits of streams),
 * ReceiveWindow and SendWindow (flow control), ControlFrames and DataFrames (what is due, and writing it), StreamEvents.
 *
 * After every change of a stream the same three things are asked: does it stand in the right lists (DataFrames.update, ControlFrames.addStream), has the
 * application news (StreamEvents), is the stream done (#settle).
 *
 * Windows: a stream's limit is raised when a quarter of its window was read. The connection's is raised when a quarter of its window is used up and a quarter
 * of a stream's window was read. That step must not be larger: with all other streams full and unread, the credit of one stream is all that is left to move
 * with.
 *
 * Left out: tuning of windows (sizes are configuration), repeating *_BLOCKED on a timer (RFC 9000 §4.1; keep-alives are the connection's), and 0-RTT
 * rejection, after which the connection would start over with a new object.
 */
import type { ConnectionEvent, ReceiveState } from '../contract.ts';
import type { Writer } from '../cursor.ts';
import { QuicError } from '../errors.ts';
import { FrameType } from '../frames/frame-type.ts';
import { Carried, type SentPacket } from '../recovery/sent-packet.ts';
import { ControlFrames } from './control-frames.ts';
import { DataFrames } from './data-frames.ts';
import { ReceiveWindow, SendWindow, WINDOW_UPDATE_PART } from './flow-control.ts';
import { type PeerStreamLimits, StreamRegistry, type StreamsConfig } from './registry.ts';
import type { SendHalf } from './send-half.ts';
import type { Stream } from './stream.ts';
import { StreamEventKind, StreamEvents } from './stream-events.ts';
import { MAX_URGENCY, streamId } from './stream-id.ts';

export type { PeerStreamLimits, StreamsConfig } from './registry.ts';

/** A stream is writable again when this part of its send buffer is free: a wake-up per acknowledged packet would be too many. */
const WRITABLE_PART = 0.25;

export class Streams {
  readonly #config: StreamsConfig;
  readonly #receiveWindow: ReceiveWindow;
  readonly #sendWindow: SendWindow = new SendWindow();
  readonly #events: StreamEvents = new StreamEvents();
  readonly #registry: StreamRegistry;
  readonly #control: ControlFrames;
  readonly #data: DataFrames;
  /** Streams whose send half holds something not yet acknowledged. */
  #outstanding: number = 0;
  /** Streams whose reset was read; they go with the next turn, so that the application can still ask for the code. */
  readonly #readResets: Stream[] = [];
  #isClosed: boolean = false;
  #bytesAccepted: number = 0;
  #bytesRead: number = 0;

  constructor(config: StreamsConfig) {
    const peerStreams = config.maxBidirectionalStreams + config.maxUnidirectionalStreams;
    // Configuration resolves the numbers. A smaller window would let unread streams starve the others.
    if (config.connectionReceiveWindow < config.streamReceiveWindow * peerStreams) {
      throw new QuicError(
        'ERR_QUIC_INVALID_ARGUMENT',
        `connectionReceiveWindow expected at least streamReceiveWindow * ${peerStreams} streams, got ${config.connectionReceiveWindow}`,
        { fault: 'usage' },
      );
    }
    this.#config = config;
    this.#receiveWindow = new ReceiveWindow(
      config.connectionReceiveWindow,
      config.streamReceiveWindow * WINDOW_UPDATE_PART,
    );
    this.#registry = new StreamRegistry(config, this.#receiveWindow, this.#events);
    this.#control = new ControlFrames(this.#receiveWindow, this.#registry);
    this.#data = new DataFrames(this.#sendWindow, this.#control);
  }

  /** Whether everything that write() accepted, and every FIN, has been acknowledged or given up by a reset. */
  get isDrained(): boolean {
    return this.#outstanding === 0;
  }

  /** Streams that either side may still use, or whose data is still to be read. */
  get openStreams(): number {
    return this.#registry.size;
  }

  /** Entries of the one map that holds streams, for tests of what closed streams leave behind. */
  get mapSize(): number {
    return this.#registry.size;
  }

  /** Bytes that write() took, of all streams. */
  get bytesAccepted(): number {
    return this.#bytesAccepted;
  }

  /** Bytes that read() gave, of all streams. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Bytes of memory that hold unread data. Walks over all streams: for tests and statistics. */
  get receiveMemory(): number {
    let sum = 0;
    for (const stream of this.#registry.all()) sum += stream.receive?.bufferedBytes ?? 0;
    return sum;
  }

  /**
   * What the peer's transport parameters allow. Streams opened and written before become sendable as far as its limits reach. A second call, with the
   * parameters proper after those remembered for 0-RTT, can only raise (RFC 9000 §7.4.1).
   */
  setPeerLimits(limits: PeerStreamLimits): void {
    this.#registry.setPeerLimits(limits);
    this.#sendWindow.raise(limits.initialMaxData);
    this.#raiseLocalMax(true, limits.initialMaxStreamsBidi);
    this.#raiseLocalMax(false, limits.initialMaxStreamsUni);
    for (const stream of this.#registry.all()) this.#data.update(stream);
  }

  // Commands of the application, see Connection in contract.ts.

  /** @returns the id, or -1 when the peer allows no more now: `streams-available` follows */
  open(bidirectional: boolean): number {
    if (this.#isClosed) return -1;
    const stream = this.#registry.openLocal(bidirectional);
    if (stream === undefined) {
      this.#noteStreamsBlocked(bidirectional);
      return -1;
    }
    this.#updateReceiveWindow();
    return stream.id;
  }

  /** @throws QuicError ERR_QUIC_INVALID_STATE after fin or reset, or for a stream that is not ours to write */
  write(id: number, data: Uint8Array, fin: boolean): number {
    if (this.#isClosed) return 0;
    const stream = this.#registry.get(id);
    const send = stream?.send;
    if (stream === undefined || send === undefined || !send.isWritable) {
      throw new QuicError('ERR_QUIC_INVALID_STATE', `Stream ${id} cannot be written`, { fault: 'usage' });
    }
    const accepted = send.write(data, fin, this.#config.streamSendBuffer);
    this.#bytesAccepted += accepted;
    this.#updateSend(stream, send);
    return accepted;
  }

  writableBytes(id: number): number {
    const send = this.#registry.get(id)?.send;
    return send === undefined || !send.isWritable ? 0 : Math.max(0, this.#config.streamSendBuffer - send.buffer.length);
  }

  /** @returns a chunk that belongs to the caller, or undefined when there is nothing now: then ask receiveState() */
  read(id: number, maxLength: number = Infinity): Uint8Array | undefined {
    const stream = this.#registry.get(id);
    const receive = stream?.receive;
    if (stream === undefined || receive === undefined || receive.isDone) return undefined;
    const chunk = receive.read(maxLength);
    if (chunk !== undefined) {
      this.#bytesRead += chunk.length;
      if (receive.maxStreamData.isPending) this.#control.addStream(stream);
      this.#updateReceiveWindow();
    }
    if (receive.isDone) {
      if (receive.isReset) this.#readResets.push(stream);
      else this.#settle(stream);
    }
    return chunk;
  }

  /**
   * After a reset was read, this and resetCode() answer until the next call of nextEvent(), hasPending() or writeFrames(). After close() it is `reset` for
   * every id: what came before must not look complete.
   */
  receiveState(id: number): ReceiveState {
    if (this.#isClosed) return 'reset';
    const receive = this.#registry.get(id)?.receive;
    if (receive === undefined) return 'finished';
    return receive.isReset ? 'reset' : receive.isFinished ? 'finished' : 'open';
  }

  resetCode(id: number): number {
    return this.#registry.get(id)?.receive?.resetCode ?? -1;
  }

  /** Gives up sending. No effect on a stream that is finished, reset, unknown or not ours to write. */
  reset(id: number, errorCode: number): void {
    checkErrorCode(errorCode);
    const stream = this.#registry.get(id);
    if (stream !== undefined) this.#reset(stream, errorCode);
  }

  /** Throws away what arrived and will arrive, and asks the peer to stop. No effect on a stream that is finished, unknown or not ours to read. */
  stop(id: number, errorCode: number): void {
    checkErrorCode(errorCode);
    const stream = this.#registry.get(id);
    const receive = stream?.receive;
    if (stream === undefined || receive === undefined || !receive.stop(errorCode)) return;
    if (receive.stopSending.isPending) this.#control.addStream(stream);
    this.#updateReceiveWindow();
    this.#settle(stream);
  }

  /** @param urgency 0..7, lower numbers are sent first */
  setPriority(id: number, urgency: number): void {
    if (!Number.isInteger(urgency) || urgency < 0 || urgency > MAX_URGENCY) {
      throw new QuicError(
        'ERR_QUIC_INVALID_ARGUMENT',
        `"urgency" expected an integer 0..${MAX_URGENCY}, got ${urgency}`,
        {
          fault: 'usage',
        },
      );
    }
    const stream = this.#registry.get(id);
    if (stream === undefined) return;
    stream.urgency = urgency;
    this.#data.update(stream);
  }

  // Frames of the peer. All throw TransportError where the peer broke the rules.

  /** @param frameType as on the wire, for the error that names it */
  onStream(
    id: number,
    offset: number,
    buffer: Uint8Array,
    start: number,
    end: number,
    fin: boolean,
    frameType: number = FrameType.STREAM,
  ): void {
    const stream = this.#registry.forReceiving(id, frameType);
    if (stream === undefined) return;
    const receive = stream.receive!;
    if (receive.onStream(offset, buffer, start, end, fin, frameType))
      this.#events.add(stream, StreamEventKind.READABLE);
    this.#updateReceiveWindow();
    if (receive.isStopped) this.#settle(stream);
  }

  onResetStream(id: number, errorCode: number, finalSize: number): void {
    const stream = this.#registry.forReceiving(id, FrameType.RESET_STREAM);
    if (stream === undefined) return;
    if (stream.receive!.onReset(errorCode, finalSize, FrameType.RESET_STREAM)) {
      this.#events.add(stream, StreamEventKind.READABLE);
    }
    this.#updateReceiveWindow();
    if (stream.receive!.isStopped) this.#settle(stream);
  }

  onStopSending(id: number, errorCode: number): void {
    const stream = this.#registry.forSending(id, FrameType.STOP_SENDING);
    // RFC 9000 §3.5: answer with RESET_STREAM and the same code.
    if (stream === undefined || !this.#reset(stream, errorCode)) return;
    stream.stopCode = errorCode;
    this.#events.add(stream, StreamEventKind.STOPPED);
  }

  onMaxData(maximum: number): void {
    if (this.#sendWindow.raise(maximum)) this.#control.dataBlocked.cancel();
  }

  onMaxStreamData(id: number, maximum: number): void {
    const stream = this.#registry.forSending(id, FrameType.MAX_STREAM_DATA);
    if (stream !== undefined && stream.send!.raiseLimit(maximum)) this.#data.update(stream);
  }

  /** @param maximum at most 2^60, which the reader of the frame checks */
  onMaxStreams(bidirectional: boolean, maximum: number): void {
    this.#raiseLocalMax(bidirectional, maximum);
  }

  /** The peer waits: announce what was read since the last announcement, be it little. */
  onDataBlocked(_limit: number): void {
    const window = this.#receiveWindow;
    if (window.consumed + window.size > window.limit && this.#control.maxData.set(window.raise())) this.#control.add();
  }

  onStreamDataBlocked(id: number, _limit: number): void {
    const stream = this.#registry.forReceiving(id, FrameType.STREAM_DATA_BLOCKED);
    if (stream === undefined) return;
    stream.receive!.onBlocked();
    if (stream.receive!.maxStreamData.isPending) this.#control.addStream(stream);
  }

  onStreamsBlocked(bidirectional: boolean, limit: number): void {
    if (this.#registry.onPeerBlocked(bidirectional, limit)) this.#control.add();
  }

  // Frames to the peer.

  /** Whether all the stream data that waits to be sent is so little that `room` bytes of a packet hold it. */
  fits(room: number): boolean {
    return this.#data.fits(room);
  }

  /** Whether writeFrames() would put anything into an empty packet. */
  hasPending(): boolean {
    this.#releaseReadResets();
    return this.#data.hasPending || this.#control.hasPending();
  }

  /** Fills what is left in `writer`: control frames, then STREAM frames by priority. Each is registered with the packet. */
  writeFrames(writer: Writer, packet: SentPacket): void {
    this.#releaseReadResets();
    this.#control.write(writer, packet);
    this.#data.write(writer, packet);
    // Sending may have run into a limit.
    this.#control.write(writer, packet);
  }

  // Recovery.

  /** @param kind a kind of Carried that belongs to streams; others are ignored */
  onAcked(kind: Carried, a: number, b: number, c: number): void {
    if (kind === Carried.STREAM) this.#onStreamAcked(a, b, c);
    else if (kind === Carried.RESET_STREAM) this.#onResetAcked(a);
    else this.#control.onAcked(kind, a, b);
  }

  /** @param kind a kind of Carried that belongs to streams; others are ignored */
  onLost(kind: Carried, a: number, b: number, c: number): void {
    if (kind !== Carried.STREAM) {
      this.#control.onLost(kind, a, b, this.#data.isBlocked);
      return;
    }
    const stream = this.#registry.get(a);
    if (stream?.send === undefined) return;
    stream.send.onFrameLost(b, Math.floor(c / 2), (c & 1) === 1);
    this.#data.update(stream);
  }

  /** The next thing the application should know, undefined when there is nothing. */
  nextEvent(): ConnectionEvent | undefined {
    this.#releaseReadResets();
    return this.#events.next();
  }

  /** The connection has ended: lets go of everything. From then on nothing can be opened, written or read, and nothing is pending. */
  close(): void {
    this.#isClosed = true;
    this.#registry.clear();
    this.#control.clear();
    this.#data.clear();
    this.#events.clear();
    this.#readResets.length = 0;
    this.#outstanding = 0;
  }

  #onStreamAcked(id: number, offset: number, lengthAndFin: number): void {
    const stream = this.#registry.get(id);
    const send = stream?.send;
    if (stream === undefined || send === undefined) return;
    if (send.onFrameAcked(offset, Math.floor(lengthAndFin / 2), (lengthAndFin & 1) === 1)) {
      this.#events.add(stream, StreamEventKind.FINISHED);
    }
    if (send.wantsWritable && send.buffer.length <= this.#config.streamSendBuffer * (1 - WRITABLE_PART)) {
      send.wantsWritable = false;
      this.#events.add(stream, StreamEventKind.WRITABLE);
    }
    this.#updateSend(stream, send);
    this.#settle(stream);
  }

  #onResetAcked(id: number): void {
    const stream = this.#registry.get(id);
    if (stream?.send?.onResetAcked()) this.#settle(stream);
  }

  /** @returns whether that had an effect */
  #reset(stream: Stream, errorCode: number): boolean {
    const send = stream.send;
    if (send === undefined || !send.reset(errorCode)) return false;
    this.#control.addStream(stream);
    this.#updateSend(stream, send);
    return true;
  }

  #updateSend(stream: Stream, send: SendHalf): void {
    const isOutstanding = send.isOutstanding;
    if (isOutstanding !== stream.isOutstanding) {
      stream.isOutstanding = isOutstanding;
      this.#outstanding += isOutstanding ? 1 : -1;
    }
    this.#data.update(stream);
  }

  #updateReceiveWindow(): void {
    const window = this.#receiveWindow;
    // With much credit left nothing is gained by more of it: MAX_DATA waits until a quarter of the window is used up.
    if (!window.isUpdateDue || window.limit - window.received > window.size * (1 - WINDOW_UPDATE_PART)) return;
    if (this.#control.maxData.set(window.raise())) this.#control.add();
  }

  #settle(stream: Stream): void {
    if (!stream.isDone || stream.isForgotten) return;
    this.#data.remove(stream);
    if (this.#registry.forget(stream)) this.#control.add();
  }

  #releaseReadResets(): void {
    const streams = this.#readResets;
    if (streams.length === 0) return;
    for (const stream of streams) this.#settle(stream);
    streams.length = 0;
  }

  #raiseLocalMax(bidirectional: boolean, maximum: number): void {
    const registry = this.#registry;
    const counts = registry.counts(bidirectional);
    const before = counts.localMax;
    if (maximum > before) {
      counts.localMax = maximum;
      counts.streamsBlocked.cancel();
      // Those that were held back may now send, in the order of their ids.
      for (let index = before; index < maximum && index < counts.localNext; index++) {
        const stream = registry.get(streamId(index, this.#config.isClient, bidirectional));
        if (stream === undefined) continue;
        stream.isHeld = false;
        this.#control.addStream(stream);
        this.#data.update(stream);
      }
    }
    if (counts.wantsMore && counts.localNext < counts.localMax) {
      counts.wantsMore = false;
      this.#events.addAvailable(bidirectional);
    }
    if (counts.wantsMore || counts.localNext > counts.localMax) this.#noteStreamsBlocked(bidirectional);
  }

  /** RFC 9000 §4.6: tell the peer once per limit that it holds us up. */
  #noteStreamsBlocked(bidirectional: boolean): void {
    const counts = this.#registry.counts(bidirectional);
    if (this.#registry.isLimitKnown && counts.streamsBlocked.set(counts.localMax)) this.#control.add();
  }
}

/** Error codes are varints (RFC 9000 §20.2). */
function checkErrorCode(errorCode: number): void {
  if (!Number.isSafeInteger(errorCode) || errorCode < 0) {
    throw new QuicError('ERR_QUIC_INVALID_ARGUMENT', `"errorCode" expected an integer 0..2^53-1, got ${errorCode}`, {
      fault: 'usage',
    });
  }
}
