/**
 * Which streams there are, and how many there may be (RFC 9000 §2.1, §3, §4.6): from id to stream, both sides' limits, implicit opening.
 *
 * A closed stream leaves nothing behind but a count: an id below the next one to be opened that is not in the map belongs to a stream that was open and is
 * gone, and frames for it are ignored.
 */
import { TransportError, TransportErrorCode } from '../errors.ts';
import { MAX_EARLY_STREAMS, MAX_TUNED_WINDOW } from '../limits.ts';
import type { ReceiveWindow } from './flow-control.ts';
import { ReceiveHalf } from './receive-half.ts';
import { ReliableValue } from './reliable-value.ts';
import { SendHalf } from './send-half.ts';
import { Stream } from './stream.ts';
import { StreamEventKind, type StreamEvents } from './stream-events.ts';
import { type Pace, WindowTuner } from './window-tuner.ts';
import { isBidirectional, isClientInitiated, streamId, streamIndex } from './stream-id.ts';

/** The numbers of TransportConfig that concern streams, with their defaults filled in. */
export interface StreamsConfig {
  readonly isClient: boolean;
  readonly maxBidirectionalStreams: number;
  readonly maxUnidirectionalStreams: number;
  readonly streamReceiveWindow: number;
  readonly connectionReceiveWindow: number;
  readonly streamSendBuffer: number;
  /** Bytes to which the window of one stream may grow. @default streamReceiveWindow, that is, not at all */
  readonly maxStreamReceiveWindow?: number;
  /** Needed for windows to grow. */
  readonly pace?: Pace;
}

/** The peer's transport parameters that limit us (RFC 9000 §18.2); `local` and `remote` are meant as the peer sees it. */
export interface PeerStreamLimits {
  readonly initialMaxData: number;
  readonly initialMaxStreamDataBidiLocal: number;
  readonly initialMaxStreamDataBidiRemote: number;
  readonly initialMaxStreamDataUni: number;
  readonly initialMaxStreamsBidi: number;
  readonly initialMaxStreamsUni: number;
}

/** Counts of one kind of streams, bidirectional or unidirectional. */
class KindCounts {
  /** Index of the next stream that we open. */
  localNext: number = 0;
  /** How many the peer allows us. */
  localMax: number = 0;
  /** open() was refused; tell when there is room again. */
  wantsMore: boolean = false;
  /** Index of the next stream that the peer opens. */
  peerNext: number = 0;
  /** How many we have allowed the peer. */
  peerMax: number;
  /** Streams of the peer that are gone. */
  peerClosed: number = 0;
  /** The peer said that the limit holds it up, when there was nothing to give: streams that it opened and has not used count as well. */
  isPeerBlocked: boolean = false;
  /** How many the peer may have open at once. */
  readonly concurrent: number;
  readonly maxStreams: ReliableValue = new ReliableValue();
  readonly streamsBlocked: ReliableValue = new ReliableValue();

  constructor(concurrent: number) {
    this.concurrent = concurrent;
    this.peerMax = concurrent;
  }
}

export class StreamRegistry {
  readonly #config: StreamsConfig;
  readonly #connection: ReceiveWindow;
  readonly #events: StreamEvents;
  readonly #streams: Map<number, Stream> = new Map();
  readonly bidirectional: KindCounts;
  readonly unidirectional: KindCounts;
  readonly #tuner: WindowTuner | undefined;
  #limits: PeerStreamLimits | undefined = undefined;

  constructor(config: StreamsConfig, connection: ReceiveWindow, events: StreamEvents) {
    this.#config = config;
    this.#connection = connection;
    this.#events = events;
    const { pace, streamReceiveWindow, maxStreamReceiveWindow = streamReceiveWindow } = config;
    this.#tuner = pace && new WindowTuner(pace, connection, maxStreamReceiveWindow, MAX_TUNED_WINDOW);
    this.bidirectional = new KindCounts(config.maxBidirectionalStreams);
    this.unidirectional = new KindCounts(config.maxUnidirectionalStreams);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Whether the peer's limits are known, that is, whether anything may be sent. */
  get isLimitKnown(): boolean {
    return this.#limits !== undefined;
  }

  get(id: number): Stream | undefined {
    return this.#streams.get(id);
  }

  all(): IterableIterator<Stream> {
    return this.#streams.values();
  }

  counts(bidirectional: boolean): KindCounts {
    return bidirectional ? this.bidirectional : this.unidirectional;
  }

  /** @returns undefined when the peer allows no more now; then `wantsMore` is set */
  openLocal(bidirectional: boolean): Stream | undefined {
    const counts = this.counts(bidirectional);
    if (counts.localNext >= (this.isLimitKnown ? counts.localMax : MAX_EARLY_STREAMS)) {
      counts.wantsMore = true;
      return undefined;
    }
    const index = counts.localNext++;
    let receive: ReceiveHalf | undefined;
    if (bidirectional) {
      // What the peer sends here comes on top of the streams that it opens, and the connection's window grows with it: unread bytes of one stream
      // take credit from no other.
      this.#connection.size += this.#config.streamReceiveWindow;
      receive = this.#newReceiveHalf();
    }
    const stream = new Stream(
      streamId(index, this.#config.isClient, bidirectional),
      true,
      index >= counts.localMax,
      new SendHalf(this.#initialSendLimit(true, bidirectional)),
      receive,
    );
    this.#streams.set(stream.id, stream);
    return stream;
  }

  /**
   * The stream of a frame about data that the peer sends: STREAM, RESET_STREAM, STREAM_DATA_BLOCKED. Opens it, and all before it, where the peer may.
   *
   * @returns undefined for a stream that is gone: the frame is to be ignored
   * @throws TransportError
   */
  forReceiving(id: number, frameType: number): Stream | undefined {
    if (isClientInitiated(id) !== this.#config.isClient) return this.#peerStream(id, frameType);
    // RFC 9000 §19.4, §19.8, §19.13: the peer does not send on a stream that is send-only for us.
    if (!isBidirectional(id)) throw stateError(id, 'is ours to send on', frameType);
    return this.#localStream(id, frameType);
  }

  /**
   * The stream of a frame about data that we send: STOP_SENDING, MAX_STREAM_DATA. Opens it, and all before it, where the peer may.
   *
   * @returns undefined for a stream that is gone: the frame is to be ignored
   * @throws TransportError
   */
  forSending(id: number, frameType: number): Stream | undefined {
    if (isClientInitiated(id) === this.#config.isClient) return this.#localStream(id, frameType);
    // RFC 9000 §19.5, §19.10: we do not send on a stream that is receive-only for us.
    if (!isBidirectional(id)) throw stateError(id, 'is not ours to send on', frameType);
    return this.#peerStream(id, frameType);
  }

  /** Takes a stream out. @returns whether the peer should be told a new MAX_STREAMS */
  forget(stream: Stream): boolean {
    this.#streams.delete(stream.id);
    if (stream.receive !== undefined) this.#tuner?.release(stream.receive.window);
    stream.isForgotten = true;
    const bidirectional = isBidirectional(stream.id);
    if (stream.isLocal) {
      if (bidirectional) this.#connection.size -= this.#config.streamReceiveWindow;
      return false;
    }
    const counts = this.counts(bidirectional);
    counts.peerClosed++;
    // Little credit left weighs more than frames saved: with most streams open for long, the few others must not wait for a large step.
    const unannounced = counts.peerClosed + counts.concurrent - counts.peerMax;
    const isWanted = counts.isPeerBlocked || unannounced * 2 >= counts.peerMax - counts.peerNext;
    return isWanted && this.raisePeerMax(bidirectional);
  }

  /** Allows the peer as many new streams as have gone. @returns whether there is something to announce */
  raisePeerMax(bidirectional: boolean): boolean {
    const counts = this.counts(bidirectional);
    const limit = counts.peerClosed + counts.concurrent;
    if (limit <= counts.peerMax) return false;
    counts.peerMax = limit;
    counts.isPeerBlocked = false;
    return counts.maxStreams.set(limit);
  }

  /** The peer says that it has opened `limit` streams and wants more. It says so once per limit. @returns whether there is something to announce */
  onPeerBlocked(bidirectional: boolean, limit: number): boolean {
    if (this.raisePeerMax(bidirectional)) return true;
    const counts = this.counts(bidirectional);
    if (limit >= counts.peerMax) counts.isPeerBlocked = true;
    return false;
  }

  setPeerLimits(limits: PeerStreamLimits): void {
    this.#limits = limits;
    for (const stream of this.#streams.values()) {
      stream.send?.raiseLimit(this.#initialSendLimit(stream.isLocal, isBidirectional(stream.id)));
    }
  }

  clear(): void {
    this.#streams.clear();
  }

  #localStream(id: number, frameType: number): Stream | undefined {
    const counts = this.counts(isBidirectional(id));
    const index = streamIndex(id);
    // RFC 9000 §19.5, §19.8, §19.10: a frame for a stream of ours that we have not opened. One beyond the peer's own limit cannot be known to it.
    if (index >= counts.localNext || index >= counts.localMax) throw stateError(id, 'was not opened', frameType);
    return this.#streams.get(id);
  }

  #peerStream(id: number, frameType: number): Stream | undefined {
    const bidirectional = isBidirectional(id);
    const counts = this.counts(bidirectional);
    const index = streamIndex(id);
    if (index >= counts.peerNext) {
      // RFC 9000 §4.6: a frame with an id beyond the limit, whichever frame would open the stream.
      if (index >= counts.peerMax) {
        throw new TransportError(
          TransportErrorCode.STREAM_LIMIT_ERROR,
          `Stream ${id} is beyond the limit of ${counts.peerMax} streams`,
          frameType,
        );
      }
      // RFC 9000 §3.2: before a stream is created, all streams of its kind with lower ids are.
      while (counts.peerNext <= index) this.#openPeer(counts.peerNext++, bidirectional);
    }
    return this.#streams.get(id);
  }

  #openPeer(index: number, bidirectional: boolean): void {
    const stream = new Stream(
      streamId(index, !this.#config.isClient, bidirectional),
      false,
      false,
      bidirectional ? new SendHalf(this.#initialSendLimit(false, true)) : undefined,
      this.#newReceiveHalf(),
    );
    this.#streams.set(stream.id, stream);
    this.#events.add(stream, StreamEventKind.OPENED);
  }

  #newReceiveHalf(): ReceiveHalf {
    return new ReceiveHalf(this.#config.streamReceiveWindow, this.#connection, this.#tuner);
  }

  #initialSendLimit(isLocal: boolean, bidirectional: boolean): number {
    const limits = this.#limits;
    if (limits === undefined) return 0;
    if (!bidirectional) return limits.initialMaxStreamDataUni;
    // RFC 9000 §18.2: a stream that we open is remote to the peer.
    return isLocal ? limits.initialMaxStreamDataBidiRemote : limits.initialMaxStreamDataBidiLocal;
  }
}

function stateError(id: number, problem: string, frameType: number): TransportError {
  return new TransportError(TransportErrorCode.STREAM_STATE_ERROR, `Stream ${id} ${problem}`, frameType);
}
