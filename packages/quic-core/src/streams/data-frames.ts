/** STREAM frames on their way out (RFC 9000 §2.2, §2.3, §4.1, §19.8): which streams have something to send, and filling packets from them in turn. */
import type { Writer } from '../cursor.ts';
import { streamDataCapacity, writeStreamHeader } from '../frames/stream.ts';
import { Carried, type SentPacket } from '../recovery/sent-packet.ts';
import type { ControlFrames } from './control-frames.ts';
import type { SendWindow } from './flow-control.ts';
import { ReadyStreams } from './ready-streams.ts';
import { Readiness } from './send-half.ts';
import type { Stream } from './stream.ts';

/** At the end of a packet no frame is begun for less data than this, unless it is all there is: the header would outweigh the bytes. */
const MIN_USEFUL = 32;

/** Type, id, offset and length of a STREAM frame as they usually are. */
const FRAME_OVERHEAD = 12;

export class DataFrames {
  readonly #window: SendWindow;
  readonly #control: ControlFrames;
  readonly #ready: ReadyStreams = new ReadyStreams();

  /** @param window what the peer allows on all streams together */
  constructor(window: SendWindow, control: ControlFrames) {
    this.#window = window;
    this.#control = control;
  }

  get hasPending(): boolean {
    return this.#ready.hasReady(this.#window.available > 0);
  }

  /** Whether everything that is ready to be sent is so little that `room` bytes of a packet hold it. */
  fits(room: number): boolean {
    return this.#ready.fits(room, FRAME_OVERHEAD);
  }

  /** Whether new bytes wait for connection credit alone. */
  get isBlocked(): boolean {
    return this.#window.available <= 0 && this.#ready.hasFresh;
  }

  /** Puts a stream where it belongs after anything about its sending part has changed. */
  update(stream: Stream): void {
    const send = stream.send;
    if (send === undefined || stream.isHeld) return;
    const readiness = send.readiness;
    if (readiness === Readiness.FREE || readiness === Readiness.FRESH) {
      this.#ready.place(stream, readiness === Readiness.FRESH);
      this.#noteBlocked();
      return;
    }
    this.#ready.remove(stream);
    // RFC 9000 §4.1: tell the peer once per limit that it holds us up.
    if (readiness === Readiness.BLOCKED && send.dataBlocked.set(send.limit)) this.#control.addStream(stream);
  }

  remove(stream: Stream): void {
    this.#ready.remove(stream);
  }

  /** Fills what is left of the packet. */
  write(writer: Writer, packet: SentPacket): void {
    const ready = this.#ready;
    const window = this.#window;
    let served: Stream | undefined;
    for (;;) {
      const stream = ready.next(window.available > 0);
      if (stream === undefined) break;
      if (!stream.send!.nextFrame(window.available)) {
        // Every change is followed by update(), so a stream in the lists has a frame; should one not, it must not hold up the others.
        ready.remove(stream);
        continue;
      }
      served = stream;
      if (!this.#writeFrame(stream, writer, packet)) break;
      this.update(stream);
    }
    if (served !== undefined) ready.endTurn(served);
    this.#noteBlocked();
  }

  clear(): void {
    this.#ready.clear();
  }

  /** @returns false when the packet is full */
  #writeFrame(stream: Stream, writer: Writer, packet: SentPacket): boolean {
    const { id } = stream;
    const send = stream.send!;
    const offset = send.frameOffset;
    // The length is always written, also where the frame ends the packet, so that whoever builds packets may still add to it.
    const capacity = streamDataCapacity(id, offset, writer.remaining);
    if (capacity < 0) return false;
    let length = send.frameLength;
    let fin = send.frameFin;
    if (length > capacity) {
      if (capacity < MIN_USEFUL) return false;
      length = capacity;
      fin = false;
    }
    writeStreamHeader(writer, id, offset, length, true, fin);
    send.buffer.copy(offset, length, writer.buffer, writer.position);
    writer.position += length;
    // RFC 9000 §4.1: bytes count against the connection's limit when they are sent for the first time.
    if (send.frameIsFresh) this.#window.used += length;
    send.onFrameSent(offset, length, fin);
    stream.turnBytes += length;
    packet.carry(Carried.STREAM, id, offset, length * 2 + (fin ? 1 : 0));
    return true;
  }

  #noteBlocked(): void {
    if (this.isBlocked && this.#control.dataBlocked.set(this.#window.limit)) this.#control.add();
  }
}
