/** A broker core with clients whose streams are arrays: no sockets, no timers, time is a number. */
import { BrokerCore } from '../../src/core/broker-core.ts';
import type { BrokerCoreOptions } from '../../src/core/broker-core.ts';
import type { Flow, FlowKind } from '../../src/core/flow.ts';
import type { Session } from '../../src/core/session.ts';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectFields, SubscriptionRequest } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';
import { encodePublish } from '../../src/packets/publish.ts';
import type { PublishFields } from '../../src/packets/publish.ts';
import { encodePuback } from '../../src/packets/puback.ts';
import { concat, utf8 } from './hex.ts';
import { PacketReaderOf } from './packets.ts';
import type { SeenPacket, SeenPublish } from './packets.ts';

export class TestBroker {
  readonly core: BrokerCore;
  now = 1_000;
  readonly logs: string[] = [];

  constructor(options: Partial<BrokerCoreOptions> = {}) {
    let counter = 0;
    const fill = (out: Uint8Array): void => {
      out.fill(++counter);
    };
    this.core = new BrokerCore({
      random: { fillPublic: fill, fillPrivate: fill },
      log: (level, message) => this.logs.push(`${level}: ${message}`),
      ...options,
    });
  }

  /** Serves everything that the core names, as a driver does. */
  settle(): void {
    for (;;) {
      const flow = this.core.nextReadyFlow();
      if (flow !== undefined) {
        (flow.context as TestStream).serve();
        continue;
      }
      const session = this.core.nextReadySession();
      if (session === undefined) return;
      const client = session.context as TestClient;
      client.closeCode = session.closeCode;
    }
  }

  /** Lets time pass. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let next = this.core.nextTimeout(); next <= end; next = this.core.nextTimeout()) {
      this.now = Math.max(this.now, next);
      this.core.handleTimeout(this.now);
      this.settle();
    }
    this.now = end;
  }

  /** A connection without CONNECT. */
  open(version: ProtocolVersion = 5): TestClient {
    return new TestClient(this, version);
  }

  /** A connection with CONNECT. */
  connect(clientId: string, fields: Partial<ConnectFields> = {}): TestClient {
    const client = this.open(fields.protocolVersion ?? 5);
    client.control.send(
      codec.encodeConnect({ protocolVersion: client.version, clientId, cleanStart: true, keepAlive: 0, ...fields }),
    );
    const [connack] = client.control.take();
    if (connack?.type !== PacketType.CONNACK || connack.reasonCode !== 0)
      throw new Error(`CONNECT was refused: ${JSON.stringify(connack)}`);
    client.connack = connack;
    return client;
  }
}

export class TestClient {
  readonly broker: TestBroker;
  readonly version: ProtocolVersion;
  readonly session: Session;
  readonly control: TestStream;
  connack: codec.ConnackPacket | undefined = undefined;
  /** With which the broker closed the connection; -1 while it has not. */
  closeCode = -1;

  constructor(broker: TestBroker, version: ProtocolVersion) {
    this.broker = broker;
    this.version = version;
    this.session = broker.core.openSession('192.0.2.1:5000', broker.now);
    this.session.context = this;
    this.control = this.stream('control');
  }

  stream(kind: FlowKind = 'data'): TestStream {
    return new TestStream(this, kind);
  }

  /** Subscribes on a stream of its own. */
  subscribe(topicFilter: string, options: Partial<SubscriptionRequest> = {}, stream?: TestStream): TestStream {
    const on = stream ?? this.stream();
    on.subscribe(topicFilter, options);
    const answer = on.take((packet) => packet.type === PacketType.SUBACK);
    if (answer.length !== 1) throw new Error('There was no SUBACK');
    return on;
  }

  publish(topic: string, payload: string | Uint8Array, options: Partial<PublishFields> = {}): TestStream {
    const stream = this.stream();
    stream.publish(topic, payload, options);
    return stream;
  }

  /** The connection breaks. */
  drop(): void {
    this.broker.core.closeConnection(this.session, this.broker.now);
    this.broker.settle();
  }
}

export class TestStream {
  readonly client: TestClient;
  readonly flow: Flow;
  /** Bytes the stream still takes; a reader that is slow has few. */
  capacity = Infinity;
  /** With which the broker reset and stopped it; -1 while it has not. */
  abortCode = -1;
  /** The broker ended its half. */
  isFinished = false;
  bytesWritten = 0;
  readonly #reader: PacketReaderOf;
  #seen: SeenPacket[] = [];
  #identifier = 0;

  constructor(client: TestClient, kind: FlowKind) {
    this.client = client;
    this.flow = client.broker.core.openFlow(client.session, kind);
    this.flow.context = this;
    this.#reader = new PacketReaderOf(client.version);
  }

  send(...packets: Uint8Array[]): this {
    const { broker } = this.client;
    this.flow.receive(concat(...packets), broker.now);
    broker.settle();
    return this;
  }

  /** FIN. */
  end(): this {
    const { broker } = this.client;
    this.flow.receiveEnd(broker.now);
    broker.settle();
    return this;
  }

  reset(errorCode: number): this {
    const { broker } = this.client;
    this.flow.receiveReset(errorCode, broker.now);
    broker.settle();
    return this;
  }

  subscribe(topicFilter: string, options: Partial<SubscriptionRequest> = {}, subscriptionIdentifier = 0): this {
    const request = { topicFilter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, ...options };
    return this.send(codec.encodeSubscribe(this.identifier(), [request], subscriptionIdentifier, this.client.version));
  }

  publish(topic: string, payload: string | Uint8Array, options: Partial<PublishFields> = {}): this {
    return this.send(publishBytes(topic, payload, options, this.client.version, this.identifier()));
  }

  puback(packetIdentifier: number): this {
    return this.send(encodePuback(packetIdentifier));
  }

  /** The reader takes this many bytes more. */
  drain(bytes: number = Infinity): this {
    this.capacity = bytes;
    this.serve();
    this.client.broker.settle();
    return this;
  }

  /** Packets that came and were not taken. */
  take(filter: (packet: SeenPacket) => boolean = () => true): SeenPacket[] {
    const taken = this.#seen.filter(filter);
    this.#seen = this.#seen.filter((packet) => !taken.includes(packet));
    return taken;
  }

  messages(): SeenPublish[] {
    return this.take((packet) => packet.type === PacketType.PUBLISH) as SeenPublish[];
  }

  texts(): string[] {
    return this.messages().map(({ text }) => text);
  }

  identifier(): number {
    this.#identifier = (this.#identifier % 65_535) + 1;
    return this.#identifier;
  }

  /** What a driver does. */
  serve(): void {
    const { flow } = this;
    const { now } = this.client.broker;
    if (flow.abortCode !== -1) {
      this.abortCode = flow.abortCode;
      return;
    }
    while (this.capacity > 0) {
      const piece = flow.poll(Math.min(this.capacity, 65_536), now);
      if (piece === undefined) break;
      const taken = Math.min(piece.length, this.capacity);
      this.bytesWritten += taken;
      this.capacity -= taken;
      this.#seen.push(...this.#reader.read(piece.subarray(0, taken)));
      if (taken < piece.length) flow.putBack(piece.subarray(taken));
    }
    if (flow.isFinished) this.isFinished = true;
    if (!flow.isHeld) flow.resume(now);
  }
}

export function publishBytes(
  topic: string,
  payload: string | Uint8Array,
  options: Partial<PublishFields> = {},
  version: ProtocolVersion = 5,
  packetIdentifier = 1,
): Uint8Array {
  const bytes = typeof payload === 'string' ? utf8(payload) : payload;
  const encoded = encodePublish({ topic: utf8(topic), payload: bytes, qos: 0, retain: false, ...options }, version);
  const packet = concat(encoded.buffer.subarray(encoded.start, encoded.end), encoded.payload);
  if (encoded.identifierOffset !== -1) {
    packet[encoded.identifierOffset - encoded.start] = packetIdentifier >> 8;
    packet[encoded.identifierOffset - encoded.start + 1] = packetIdentifier & 0xff;
  }
  if (encoded.expiryOffset !== -1) {
    const seconds = Math.ceil(encoded.expiresAt / 1000);
    new DataView(packet.buffer).setUint32(encoded.expiryOffset - encoded.start, seconds);
  }
  return packet;
}
