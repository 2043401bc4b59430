/**
 * The frames about streams that carry no data (RFC 9000 §19.4, §19.5, §19.9 to §19.14): which of them are due, and writing them.
 *
 * Each is a ReliableValue of the connection or of a stream. Streams with something due stand in one queue, each once, so a peer that provokes frames and
 * withholds acknowledgements makes nothing grow.
 */
import type { Writer } from '../cursor.ts';
import {
  dataBlockedSize,
  maxDataSize,
  maxStreamDataSize,
  maxStreamsSize,
  streamDataBlockedSize,
  streamsBlockedSize,
  writeDataBlocked,
  writeMaxData,
  writeMaxStreamData,
  writeMaxStreams,
  writeStreamDataBlocked,
  writeStreamsBlocked,
} from '../frames/flow-control.ts';
import { resetStreamSize, stopSendingSize, writeResetStream, writeStopSending } from '../frames/stream.ts';
import { Carried, type SentPacket } from '../recovery/sent-packet.ts';
import type { ReceiveWindow } from './flow-control.ts';
import type { StreamRegistry } from './registry.ts';
import { ReliableValue } from './reliable-value.ts';
import type { Stream } from './stream.ts';

export class ControlFrames {
  readonly maxData: ReliableValue = new ReliableValue();
  readonly dataBlocked: ReliableValue = new ReliableValue();
  readonly #window: ReceiveWindow;
  readonly #registry: StreamRegistry;
  /** One of the connection's own values may be pending. */
  #isConnectionPending: boolean = false;
  #first: Stream | undefined = undefined;
  #last: Stream | undefined = undefined;

  /** @param window what we allow on all streams together */
  constructor(window: ReceiveWindow, registry: StreamRegistry) {
    this.#window = window;
    this.#registry = registry;
  }

  /** A value of the connection has become pending. */
  add(): void {
    this.#isConnectionPending = true;
  }

  /** A value of a stream has become pending. */
  addStream(stream: Stream): void {
    if (stream.isInControlQueue || stream.isHeld || stream.isForgotten) return;
    stream.isInControlQueue = true;
    if (this.#last === undefined) this.#first = stream;
    else this.#last.controlNext = stream;
    this.#last = stream;
  }

  hasPending(): boolean {
    if (this.#isConnectionPending) {
      if (this.#isAnyPending()) return true;
      this.#isConnectionPending = false;
    }
    while (this.#first !== undefined) {
      if (isStreamPending(this.#first)) return true;
      // Cancelled meanwhile.
      this.#shift();
    }
    return false;
  }

  /** Writes what is due and fits. */
  write(writer: Writer, packet: SentPacket): void {
    if (!this.hasPending()) return;
    if (this.#isConnectionPending && !this.#writeConnection(writer, packet)) return;
    while (this.#first !== undefined) {
      if (!this.#writeStream(this.#first, writer, packet)) return;
      this.#shift();
    }
  }

  /** @param kind any kind of Carried; those that are not from here are ignored, RESET_STREAM too, which ends a stream */
  onAcked(kind: Carried, a: number, b: number): void {
    switch (kind) {
      case Carried.STOP_SENDING: {
        const stopSending = this.#registry.get(a)?.receive?.stopSending;
        stopSending?.onAcked(stopSending.value);
        return;
      }
      case Carried.MAX_STREAM_DATA:
        this.#registry.get(a)?.receive?.maxStreamData.onAcked(b);
        return;
      case Carried.STREAM_DATA_BLOCKED:
        this.#registry.get(a)?.send?.dataBlocked.onAcked(b);
        return;
      default:
        this.#connectionValue(kind, a)?.onAcked(b);
    }
  }

  /** @param isBlocked whether DATA_BLOCKED would still be true */
  onLost(kind: Carried, a: number, b: number, isBlocked: boolean): void {
    switch (kind) {
      case Carried.RESET_STREAM:
      case Carried.STOP_SENDING:
      case Carried.MAX_STREAM_DATA:
      case Carried.STREAM_DATA_BLOCKED: {
        const stream = this.#registry.get(a);
        if (stream !== undefined && loseStreamValue(stream, kind, b)) this.addStream(stream);
        return;
      }
      case Carried.DATA_BLOCKED:
        // RFC 9000 §13.3: not once the connection is no longer blocked.
        if (!isBlocked) this.dataBlocked.cancel();
        else if (this.dataBlocked.onLost(b)) this.add();
        return;
      default:
        if (this.#connectionValue(kind, a)?.onLost(b)) this.add();
    }
  }

  clear(): void {
    this.#isConnectionPending = false;
    this.#first = undefined;
    this.#last = undefined;
  }

  #connectionValue(kind: Carried, a: number): ReliableValue | undefined {
    switch (kind) {
      case Carried.MAX_DATA:
        return this.maxData;
      case Carried.DATA_BLOCKED:
        return this.dataBlocked;
      case Carried.MAX_STREAMS:
        return this.#registry.counts(a === 0).maxStreams;
      case Carried.STREAMS_BLOCKED:
        return this.#registry.counts(a === 0).streamsBlocked;
      default:
        return undefined;
    }
  }

  #shift(): void {
    const stream = this.#first!;
    this.#first = stream.controlNext;
    if (this.#first === undefined) this.#last = undefined;
    stream.controlNext = undefined;
    stream.isInControlQueue = false;
  }

  #isAnyPending(): boolean {
    const { bidirectional, unidirectional } = this.#registry;
    return (
      this.maxData.isPending ||
      this.dataBlocked.isPending ||
      bidirectional.maxStreams.isPending ||
      unidirectional.maxStreams.isPending ||
      bidirectional.streamsBlocked.isPending ||
      unidirectional.streamsBlocked.isPending
    );
  }

  /** @returns false when the packet is full */
  #writeConnection(writer: Writer, packet: SentPacket): boolean {
    const { maxData, dataBlocked } = this;
    if (maxData.isPending) {
      // Between the decision and the packet more may have been read.
      maxData.set(this.#window.raise());
      if (writer.remaining < maxDataSize(maxData.value)) return false;
      writeMaxData(writer, maxData.value);
      packet.carry(Carried.MAX_DATA, 0, maxData.value, 0);
      maxData.onSent();
    }
    if (!this.#writeKind(true, writer, packet) || !this.#writeKind(false, writer, packet)) return false;
    if (dataBlocked.isPending) {
      if (writer.remaining < dataBlockedSize(dataBlocked.value)) return false;
      writeDataBlocked(writer, dataBlocked.value);
      packet.carry(Carried.DATA_BLOCKED, 0, dataBlocked.value, 0);
      dataBlocked.onSent();
    }
    this.#isConnectionPending = false;
    return true;
  }

  #writeKind(bidirectional: boolean, writer: Writer, packet: SentPacket): boolean {
    const { maxStreams, streamsBlocked } = this.#registry.counts(bidirectional);
    const kind = bidirectional ? 0 : 1;
    if (maxStreams.isPending) {
      if (writer.remaining < maxStreamsSize(maxStreams.value)) return false;
      writeMaxStreams(writer, bidirectional, maxStreams.value);
      packet.carry(Carried.MAX_STREAMS, kind, maxStreams.value, 0);
      maxStreams.onSent();
    }
    if (streamsBlocked.isPending) {
      if (writer.remaining < streamsBlockedSize(streamsBlocked.value)) return false;
      writeStreamsBlocked(writer, bidirectional, streamsBlocked.value);
      packet.carry(Carried.STREAMS_BLOCKED, kind, streamsBlocked.value, 0);
      streamsBlocked.onSent();
    }
    return true;
  }

  /** @returns false when the packet is full */
  #writeStream(stream: Stream, writer: Writer, packet: SentPacket): boolean {
    const { id, send, receive } = stream;
    if (send !== undefined && send.resetStream.isPending) {
      const { resetStream, resetFinalSize } = send;
      if (writer.remaining < resetStreamSize(id, resetStream.value, resetFinalSize)) return false;
      writeResetStream(writer, id, resetStream.value, resetFinalSize);
      packet.carry(Carried.RESET_STREAM, id, 0, 0);
      resetStream.onSent();
    }
    if (receive !== undefined && receive.stopSending.isPending) {
      const { stopSending } = receive;
      if (writer.remaining < stopSendingSize(id, stopSending.value)) return false;
      writeStopSending(writer, id, stopSending.value);
      packet.carry(Carried.STOP_SENDING, id, 0, 0);
      stopSending.onSent();
    }
    if (receive !== undefined && receive.maxStreamData.isPending) {
      const { maxStreamData } = receive;
      maxStreamData.set(receive.window.raise());
      if (writer.remaining < maxStreamDataSize(id, maxStreamData.value)) return false;
      writeMaxStreamData(writer, id, maxStreamData.value);
      packet.carry(Carried.MAX_STREAM_DATA, id, maxStreamData.value, 0);
      maxStreamData.onSent();
    }
    if (send !== undefined && send.dataBlocked.isPending) {
      const { dataBlocked } = send;
      if (writer.remaining < streamDataBlockedSize(id, dataBlocked.value)) return false;
      writeStreamDataBlocked(writer, id, dataBlocked.value);
      packet.carry(Carried.STREAM_DATA_BLOCKED, id, dataBlocked.value, 0);
      dataBlocked.onSent();
    }
    return true;
  }
}

function isStreamPending(stream: Stream): boolean {
  const { send, receive } = stream;
  return (
    (send !== undefined && (send.resetStream.isPending || send.dataBlocked.isPending)) ||
    (receive !== undefined && (receive.stopSending.isPending || receive.maxStreamData.isPending))
  );
}

/** @returns whether the value has to be sent again */
function loseStreamValue({ send, receive }: Stream, kind: Carried, b: number): boolean {
  switch (kind) {
    case Carried.RESET_STREAM:
      return send !== undefined && send.resetStream.onLost(send.resetStream.value);
    case Carried.STREAM_DATA_BLOCKED:
      return send !== undefined && send.dataBlocked.onLost(b);
    case Carried.STOP_SENDING:
      return receive !== undefined && receive.stopSending.onLost(receive.stopSending.value);
    default:
      return receive !== undefined && receive.maxStreamData.onLost(b);
  }
}
