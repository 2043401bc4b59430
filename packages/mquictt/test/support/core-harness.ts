/** A broker core with clients whose streams are arrays: no sockets, no timers, time is a number. */
import { BrokerCore } from '../../src/core/broker-core.ts';
import type { BrokerCoreOptions } from '../../src/core/broker-core.ts';
import type { Channel, ChannelKind } from '../../src/core/channel.ts';
import type { ConnectRequest } from '../../src/core/connect-request.ts';
import type { Connection } from '../../src/core/connection.ts';
import type { Flow } from '../../src/core/flow.ts';
import type { AuthenticationResult } from '../../src/core/permissions.ts';
import type { Session } from '../../src/core/session.ts';
import * as codec from '../../src/packets/codec.ts';
import type { ConnectFields, SubscriptionRequest } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';
import { encodePublish } from '../../src/packets/publish.ts';
import type { PublishFields } from '../../src/packets/publish.ts';
import { encodePuback } from '../../src/packets/puback.ts';
import type { AcknowledgementType } from '../../src/packets/puback.ts';
import { concat, utf8 } from './hex.ts';
import { PacketReaderOf } from './packets.ts';
import type { SeenPacket, SeenPublish } from './packets.ts';

export class TestBroker {
  readonly core: BrokerCore;
  now = 1_000;
  readonly logs: string[] = [];
  /** Who authenticates clients, where the options have a policy that wants it; what it leaves open waits in `requests`. */
  authenticate: (request: ConnectRequest) => AuthenticationResult | undefined = () => undefined;
  readonly requests: ConnectRequest[] = [];

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
      const channel = this.core.nextReadyChannel();
      if (channel !== undefined) {
        (channel.context as TestStream).serve();
        continue;
      }
      const request = this.core.nextConnectRequest();
      if (request !== undefined) {
        const result = this.authenticate(request);
        if (result === undefined) this.requests.push(request);
        else this.core.answerConnect(request, result, this.now);
        continue;
      }
      const connection = this.core.nextReadyConnection();
      if (connection === undefined) return;
      const client = connection.context as TestClient;
      client.closeCode = connection.closeCode;
    }
  }

  answer(request: ConnectRequest, result: AuthenticationResult): void {
    this.core.answerConnect(request, result, this.now);
    this.settle();
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

  /**
   * A connection without CONNECT.
   *
   * @param identity of its certificate
   */
  open(version: ProtocolVersion = 5, identity?: string, remote?: string): TestClient {
    return new TestClient(this, version, identity, remote);
  }

  /** A connection with CONNECT. */
  connect(clientId: string, fields: Partial<ConnectFields> = {}, identity?: string): TestClient {
    const client = this.open(fields.protocolVersion ?? 5, identity);
    client.control.send(
      codec.encodeConnect({ protocolVersion: client.version, clientId, cleanStart: true, keepAlive: 0, ...fields }),
    );
    const [connack] = client.control.take((packet) => packet.type === PacketType.CONNACK);
    if (connack?.type !== PacketType.CONNACK || connack.reasonCode !== 0)
      throw new Error(`CONNECT was refused: ${JSON.stringify(connack)}`);
    client.connack = connack;
    client.rememberSession();
    return client;
  }
}

export class TestClient {
  readonly broker: TestBroker;
  readonly version: ProtocolVersion;
  readonly connection: Connection;
  readonly control: TestStream;
  connack: codec.ConnackPacket | undefined = undefined;
  /** With which the broker closed the connection; -1 while it has not. */
  closeCode = -1;
  #session: Session | undefined = undefined;

  constructor(broker: TestBroker, version: ProtocolVersion, identity?: string, remote = '192.0.2.1:5000') {
    this.broker = broker;
    this.version = version;
    this.connection = broker.core.openConnection(remote, broker.now, identity);
    this.connection.context = this;
    this.control = this.stream('control');
  }

  /** What CONNECT got; it may outlive the connection. */
  get session(): Session {
    this.rememberSession();
    return this.#session!;
  }

  rememberSession(): void {
    this.#session = this.connection.session ?? this.#session;
  }

  stream(kind: ChannelKind = 'data'): TestStream {
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
    this.broker.core.closeConnection(this.connection, this.broker.now);
    this.broker.settle();
  }
}

export class TestStream {
  readonly client: TestClient;
  readonly channel: Channel;
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

  constructor(client: TestClient, kind: ChannelKind) {
    this.client = client;
    this.channel = client.broker.core.openChannel(client.connection, kind);
    this.channel.context = this;
    this.#reader = new PacketReaderOf(client.version);
  }

  /** What the channel carries; it is taken off when the channel closes. */
  get flow(): Flow {
    return this.channel.flow!;
  }

  send(...packets: Uint8Array[]): this {
    const { broker } = this.client;
    this.channel.receive(concat(...packets), broker.now);
    broker.settle();
    return this;
  }

  /** FIN. */
  end(): this {
    const { broker } = this.client;
    this.channel.receiveEnd(broker.now);
    broker.settle();
    return this;
  }

  reset(errorCode: number): this {
    const { broker } = this.client;
    this.channel.receiveReset(errorCode, broker.now);
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

  acknowledge(type: AcknowledgementType, packetIdentifier: number, reasonCode = 0): this {
    return this.send(codec.encodeAcknowledgement(type, packetIdentifier, reasonCode, this.client.version));
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
    const { channel } = this;
    const { now } = this.client.broker;
    if (channel.abortCode !== -1) {
      this.abortCode = channel.abortCode;
      return;
    }
    while (this.capacity > 0) {
      const piece = channel.poll(Math.min(this.capacity, 65_536), now);
      if (piece === undefined) break;
      const taken = Math.min(piece.length, this.capacity);
      this.bytesWritten += taken;
      this.capacity -= taken;
      this.#seen.push(...this.#reader.read(piece.subarray(0, taken)));
      if (taken < piece.length) channel.putBack(piece.subarray(taken));
    }
    if (channel.isFinished) this.isFinished = true;
    if (!channel.isHeld) channel.resume(now);
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
