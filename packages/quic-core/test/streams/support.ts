/** Two Streams objects with a network between them that loses, delays and reorders whole packets, in virtual ticks. */
import type { SeededRandom } from '@mquictt/testkit';
import * as assert from 'uvu/assert';
import type { ConnectionEvent } from '../../src/contract.ts';
import { Reader, Writer } from '../../src/cursor.ts';
import { TransportError } from '../../src/errors.ts';
import type { FrameHandler } from '../../src/frames/handler.ts';
import { readFrames } from '../../src/frames/read-frames.ts';
import { PacketType } from '../../src/packet-type.ts';
import { type Carried, SentPacket } from '../../src/recovery/sent-packet.ts';
import { type PeerStreamLimits, Streams, type StreamsConfig } from '../../src/streams/streams.ts';

export const CONFIG: StreamsConfig = {
  isClient: true,
  maxBidirectionalStreams: 16,
  maxUnidirectionalStreams: 16,
  streamReceiveWindow: 10_000,
  connectionReceiveWindow: 320_000,
  streamSendBuffer: 50_000,
};

/** A configuration whose connection window is as small as it may be. */
export function config(changes: Partial<StreamsConfig> = {}): StreamsConfig {
  const merged = { ...CONFIG, ...changes };
  const smallest = merged.streamReceiveWindow * (merged.maxBidirectionalStreams + merged.maxUnidirectionalStreams);
  return { ...merged, connectionReceiveWindow: changes.connectionReceiveWindow ?? smallest };
}

/** The transport parameters that announce a configuration. */
export function limitsOf(config: StreamsConfig): PeerStreamLimits {
  return {
    initialMaxData: config.connectionReceiveWindow,
    initialMaxStreamDataBidiLocal: config.streamReceiveWindow,
    initialMaxStreamDataBidiRemote: config.streamReceiveWindow,
    initialMaxStreamDataUni: config.streamReceiveWindow,
    initialMaxStreamsBidi: config.maxBidirectionalStreams,
    initialMaxStreamsUni: config.maxUnidirectionalStreams,
  };
}

export const NO_LIMITS: PeerStreamLimits = {
  initialMaxData: Number.MAX_SAFE_INTEGER,
  initialMaxStreamDataBidiLocal: Number.MAX_SAFE_INTEGER,
  initialMaxStreamDataBidiRemote: Number.MAX_SAFE_INTEGER,
  initialMaxStreamDataUni: Number.MAX_SAFE_INTEGER,
  initialMaxStreamsBidi: Number.MAX_SAFE_INTEGER,
  initialMaxStreamsUni: Number.MAX_SAFE_INTEGER,
};

/** @param limits null: not yet known */
export function newStreams(changes: Partial<StreamsConfig> = {}, limits: PeerStreamLimits | null = NO_LIMITS): Streams {
  const streams = new Streams(config(changes));
  if (limits !== null) streams.setPeerLimits(limits);
  return streams;
}

export interface Packet {
  readonly bytes: Uint8Array;
  readonly sent: SentPacket;
}

/** The next packet, as a connection would build it. Fails when hasPending() promised frames that did not come. */
export function nextPacket(streams: Streams, size: number = 1_200): Packet | undefined {
  if (!streams.hasPending()) return undefined;
  const buffer = new Uint8Array(size);
  const writer = new Writer().reset(buffer, 0, size);
  const sent = new SentPacket();
  streams.writeFrames(writer, sent);
  assert.ok(sent.carriedCount > 0, 'hasPending() without a frame');
  return { bytes: buffer.subarray(0, writer.position), sent };
}

export function allPackets(streams: Streams, size?: number): Packet[] {
  const packets: Packet[] = [];
  for (let packet = nextPacket(streams, size); packet !== undefined; packet = nextPacket(streams, size))
    packets.push(packet);
  return packets;
}

/** What a packet carried, as text: one line per frame, e.g. `STREAM 4 0+100 FIN` or `MAX_DATA 1000`. */
export function framesOf(packet: Packet): string[] {
  const lines: string[] = [];
  const onStream: FrameHandler['onStream'] = (id, offset, _buffer, start, end, fin) => {
    lines.push(`STREAM ${id} ${offset}+${end - start}${fin ? ' FIN' : ''}`);
  };
  const handler = new Proxy({} as FrameHandler, {
    get: (_target, method: string) => {
      if (method === 'onStream') return onStream;
      const name = method
        .slice(2)
        .replaceAll(/(?<=[a-z])[A-Z]/gu, '_$&')
        .toUpperCase();
      return (...values: unknown[]) => lines.push([name, ...values].join(' '));
    },
  });
  readFrames(new Reader().reset(packet.bytes, 0, packet.bytes.length), PacketType.ONE_RTT, handler);
  return lines;
}

export function allFrames(streams: Streams): string[] {
  return allPackets(streams).flatMap((packet) => framesOf(packet));
}

export function deliver(packet: Packet, to: Streams): void {
  // In the middle of a larger buffer that is overwritten afterwards, as datagrams are.
  const datagram = new Uint8Array(packet.bytes.length + 10);
  datagram.set(packet.bytes, 5);
  readFrames(
    new Reader().reset(datagram, 5, 5 + packet.bytes.length),
    PacketType.ONE_RTT,
    to as unknown as FrameHandler,
  );
  datagram.fill(0xdd);
}

export function acknowledge(packet: Packet, by: Streams): void {
  eachCarried(packet, (kind, a, b, c) => by.onAcked(kind, a, b, c));
}

export function lose(packet: Packet, by: Streams): void {
  eachCarried(packet, (kind, a, b, c) => by.onLost(kind, a, b, c));
}

function eachCarried({ sent }: Packet, tell: (kind: Carried, a: number, b: number, c: number) => void): void {
  for (let i = 0; i < sent.carriedCount; i++) {
    const [kind, a, b, c] = sent.carried.slice(i * 4, i * 4 + 4);
    tell(kind as Carried, a!, b!, c!);
  }
}

export function allEvents(streams: Streams): ConnectionEvent[] {
  const events: ConnectionEvent[] = [];
  for (let event = streams.nextEvent(); event !== undefined; event = streams.nextEvent()) events.push(event);
  return events;
}

/** Exchanges packets, without loss, until neither side has anything to send. */
export function settle(a: Streams, b: Streams): void {
  for (let turns = 0; a.hasPending() || b.hasPending(); turns++) {
    assert.ok(turns < 10_000, 'the two never come to rest');
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const packet of allPackets(from)) {
        deliver(packet, to);
        acknowledge(packet, from);
      }
    }
  }
}

export function readAll(streams: Streams, id: number): number {
  let length = 0;
  for (let chunk = streams.read(id); chunk !== undefined; chunk = streams.read(id)) length += chunk.length;
  return length;
}

export function failsWith(errorCode: number, frameType: number, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.instance(error, TransportError);
    assert.is((error as TransportError).errorCode, errorCode, (error as TransportError).message);
    assert.is((error as TransportError).frameType, frameType);
    return;
  }
  assert.unreachable(`nothing was thrown, expected error ${errorCode}`);
}

interface Flight {
  readonly packet: Packet;
  readonly from: Streams;
  readonly to: Streams;
  readonly arrives: number;
  readonly acked: number;
  readonly lost: number;
}

/** A network in ticks: packets may vanish, overtake each other, or be declared lost and acknowledged all the same. */
export class LossyPipe {
  readonly #a: Streams;
  readonly #b: Streams;
  readonly #random: SeededRandom;
  readonly #loss: number;
  readonly #window: number;
  #flights: Flight[] = [];
  #now: number = 0;

  constructor(a: Streams, b: Streams, random: SeededRandom, loss: number, window: number = 20) {
    this.#a = a;
    this.#b = b;
    this.#random = random;
    this.#loss = loss;
    this.#window = window;
  }

  get isIdle(): boolean {
    return this.#flights.length === 0 && !this.#a.hasPending() && !this.#b.hasPending();
  }

  tick(): void {
    this.#now++;
    this.#send(this.#a, this.#b);
    this.#send(this.#b, this.#a);
    const flights = this.#flights;
    this.#flights = [];
    for (const flight of flights) {
      const { packet, from, to } = flight;
      if (flight.arrives === this.#now) deliver(packet, to);
      if (flight.lost === this.#now) lose(packet, from);
      if (flight.acked === this.#now) acknowledge(packet, from);
      if (this.#now < Math.max(flight.arrives, flight.lost, flight.acked)) this.#flights.push(flight);
    }
  }

  #send(from: Streams, to: Streams): void {
    const random = this.#random;
    let inFlight = 0;
    for (const flight of this.#flights) if (flight.from === from) inFlight++;
    for (; inFlight < this.#window; inFlight++) {
      const packet = nextPacket(from, random.chance(0.1) ? 64 + random.integer(64) : 200 + random.integer(1_200));
      if (packet === undefined) return;
      const arrives = this.#now + 1 + random.integer(5);
      const round = this.#now + 12;
      if (random.chance(this.#loss)) {
        this.#flights.push({ packet, from, to, arrives: -1, acked: -1, lost: round });
      } else if (random.chance(this.#loss / 2)) {
        // Its acknowledgement is late or never comes.
        const acked = random.chance(0.5) ? round + 1 + random.integer(20) : -1;
        this.#flights.push({ packet, from, to, arrives, acked, lost: round });
      } else {
        this.#flights.push({ packet, from, to, arrives, acked: arrives + 1 + random.integer(5), lost: -1 });
      }
    }
  }
}
