/** A client: one connection, a control stream, and a stream of its own for each publisher and each subscriber. */
import type {
  ConnectionStats,
  QuicConnection,
  QuicError,
  QuicStream,
  Runtime,
  SocketAddress,
  Timer,
} from '@mquictt/quic-node';
import { connect, nodeRuntime, parseAddress, QuicError as QuicErrorClass } from '@mquictt/quic-node';
import type { TransportConfig } from '@mquictt/quic-node';
import type { Config } from '../config.ts';
import { InFlightWindow } from '../core/in-flight.ts';
import { MqttError, usageError } from '../errors.ts';
import { MAX_CLIENT_IDENTIFIER_LENGTH, MAX_PACKET_SIZE } from '../limits.ts';
import type { ConnackPacket, ConnectFields, WillFields } from '../packets/codec.ts';
import type { MessageProperties } from '../packets/message-properties.ts';
import { encodeMessageProperties } from '../packets/message-properties.ts';
import { isSharedFilter, topicFilterProblem, topicNameProblem } from '../packets/topics.ts';
import { encodeUtf8, utf8Problem } from '../packets/utf8.ts';
import { ALPN, DEFAULT_PORT, connectError, disconnectedError, quicOptionsOf } from '../quic-options.ts';
import type { QuicOptions } from '../quic-options.ts';
import { describeReasonCode } from '../reason-codes.ts';
import { ControlStream } from './control-stream.ts';
import type { ControlStreamHost } from './control-stream.ts';
import type { OpenStream } from './packet-stream.ts';
import { Publisher } from './publisher.ts';
import type { PublishOptions, PublisherHost } from './publisher.ts';
import { Subscriber } from './subscriber.ts';
import type { SubscribeOptions } from './subscriber.ts';

/** What the broker publishes for a client whose connection ends without close(). */
export interface WillOptions extends MessageProperties {
  readonly topic: string;
  /** Text is sent as UTF-8. */
  readonly payload: Uint8Array | string;
  /** @default 1 */
  readonly qos?: 0 | 1;
  /** @default false */
  readonly retain?: boolean;
  /** Seconds the broker waits before it publishes the will. @default 0 */
  readonly delayInterval?: number;
  /** Seconds after which the broker forgets it. @default never */
  readonly messageExpiryInterval?: number;
}

export interface ClientOptions extends QuicOptions {
  /** Seconds of silence after which we ping, 0 = never, up to 65535. @default 60 */
  readonly keepAlive?: number;
  /** Begins anew instead of going on with a session that the broker may have. @default true */
  readonly cleanStart?: boolean;
  readonly username?: string;
  readonly password?: Uint8Array | string;
  readonly will?: WillOptions;
  /** QoS of publish() and of subscriptions where they say nothing. @default 1 */
  readonly qos?: 0 | 1;
  /** Largest MQTT packet taken, bytes. @default 1_048_576 */
  readonly maxPacketSize?: number;
  /** Gives up: connect() rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** ms for connection and CONNACK together. @default 10_000 */
  readonly timeout?: number;
  /** Told about what is configured and has no effect. @default process.emitWarning */
  readonly onWarning?: (message: string) => void;
}

export interface StreamOptions {
  /** Gives up waiting for a stream or an answer: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** ms to wait where the broker allows no further stream at the moment, and for its answer. @default 30_000 */
  readonly timeout?: number;
  /** 0 (sent first) .. 7 (last); what we send on this stream compared with our others. @default 3 */
  readonly urgency?: number;
}

export interface PublisherOptions extends StreamOptions, PublishOptions {}
export interface SubscriberOptions extends StreamOptions, SubscribeOptions {}

export interface CloseOptions {
  /** ms after which the connection is dropped, whatever is unacknowledged. @default 5_000 */
  readonly deadline?: number;
}

const CONNECT_TIMEOUT = 10_000;
const STREAM_TIMEOUT = 30_000;
const CLOSE_DEADLINE = 5_000;
/** ms that the broker has, after its DISCONNECT, to close the connection. */
const DISCONNECT_DEADLINE = 1_000;

/** Configurations whose client certificate has been warned about. */
const warned = new WeakSet<Config>();

/** Made by Client.connect(). */
export class Client {
  /** Settles when the connection is over, and never rejects: why, or undefined after close(). */
  readonly closed: Promise<MqttError | undefined>;

  readonly #connection: QuicConnection;
  readonly #runtime: Runtime;
  readonly #host: ClientHost;
  readonly #qos: 0 | 1;
  readonly #connack: ConnackPacket;
  #closing: Promise<void> | undefined = undefined;

  private constructor(
    connection: QuicConnection,
    runtime: Runtime,
    host: ClientHost,
    connack: ConnackPacket,
    qos: 0 | 1,
  ) {
    this.#connection = connection;
    this.#runtime = runtime;
    this.#host = host;
    this.#connack = connack;
    this.#qos = qos;
    this.closed = connection.closed.then((error) => (this.#closing === undefined ? host.endError(error) : undefined));
  }

  /**
   * Connects to a broker with MQTT 5 over QUIC.
   *
   * @param bind local address to send from, `host:port`; port 0 = any; undefined = any address of the family that the broker has
   * @param address of the broker, `host:port`
   * @param serverName DNS name or IP address that the broker's certificate must carry
   * @param clientId '' lets the broker choose one
   * @param config whom to trust
   * @throws MqttError ERR_MQTT_UNREACHABLE, ERR_MQTT_UNTRUSTED_SERVER, ERR_MQTT_CONNECTION_REFUSED, ERR_MQTT_TIMEOUT, ERR_MQTT_LISTEN for an address we
   *   cannot send from, ERR_MQTT_INVALID_ARGUMENT; `signal.reason` when aborted
   *
   * @example
   * const client = await Client.connect('127.0.0.1:0', '127.0.0.1:1883', 'localhost', '0', await Config.read('client.json'));
   * await client.close();
   */
  static async connect(
    bind: string | SocketAddress | undefined,
    address: string | SocketAddress,
    serverName: string,
    clientId: string,
    config: Config,
    options: ClientOptions = {},
  ): Promise<Client> {
    const { signal, timeout = CONNECT_TIMEOUT } = options;
    const fields = connectFields(clientId, options);
    if (config.credential !== undefined && !warned.has(config)) {
      warned.add(config);
      const warn =
        options.onWarning ?? ((message) => process.emitWarning(message, { code: 'MQUICTT_CLIENT_CERTIFICATE' }));
      warn('The client certificate of the configuration is not sent: client certificates are not supported yet');
    }
    const runtime = options.runtime ?? nodeRuntime;
    const deadline = runtime.now() + timeout;
    let connection: QuicConnection;
    try {
      const { host, port } = parseAddress(address, DEFAULT_PORT);
      connection = await connect({
        ...quicOptionsOf(options),
        runtime,
        host,
        port,
        serverName,
        alpnProtocols: [ALPN],
        localAddress: bind === undefined ? undefined : parseAddress(bind, 0),
        roots: config.roots,
        transport: { ...transportFor(fields.keepAlive), ...options.transport },
        signal,
        timeout,
      });
    } catch (error) {
      throw connectError(error);
    }
    try {
      const host = new ClientHost(connection, runtime, clientId, options.maxPacketSize ?? MAX_PACKET_SIZE);
      const connack = await within(host.control.connect(fields), runtime, deadline, signal, () =>
        timeoutError(`The broker at ${addressText(address)} did not answer CONNECT within ${timeout / 1000} seconds`),
      );
      host.accept(connack, fields.keepAlive);
      return new Client(connection, runtime, host, connack, options.qos ?? 1);
    } catch (error) {
      void connection.close({ immediate: true });
      throw error;
    }
  }

  /** As the broker knows it: the identifier given to connect(), or the one that the broker chose. */
  get clientId(): string {
    return this.#connack.assignedClientIdentifier ?? this.#host.clientId;
  }

  /** The address of the broker. */
  get remoteAddress(): SocketAddress {
    return this.#connection.remoteAddress;
  }

  /** Streams in use: the control stream, publishers and subscribers. */
  get streamCount(): number {
    return this.#host.open.size + 1;
  }

  /** Counters of the QUIC connection as they are now. */
  stats(): ConnectionStats {
    return this.#connection.stats();
  }

  /**
   * Opens a stream for a topic and publishes a first message on it, which is a message like any other.
   *
   * @param firstPayload left out = only the stream is opened
   * @param options those of publish() are the defaults for all messages of this publisher; `signal` and `timeout` are for this call
   * @returns once the first message has been acknowledged
   * @throws MqttError ERR_MQTT_TOPIC_NAME, ERR_MQTT_TIMEOUT when the broker allows no further stream in time, and what publish() throws
   */
  async publisher(
    topic: string,
    firstPayload?: Uint8Array | string,
    options: PublisherOptions = {},
  ): Promise<Publisher> {
    const problem = topicNameProblem(topic);
    if (problem !== undefined)
      throw usageError('ERR_MQTT_TOPIC_NAME', `The topic name ${JSON.stringify(topic)} ${problem}`);
    const { qos = this.#qos, retain = true, signal, timeout = STREAM_TIMEOUT } = options;
    if (qos !== 0 && qos !== 1)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `qos expected 0 or 1, got ${String(qos)}; QoS 2 is not there yet`);
    const deadline = this.#runtime.now() + timeout;
    const stream = await this.#openStream(options, timeout);
    const publisher = new Publisher(stream, this.#host, topic, { qos, retain });
    this.#host.open.add(publisher);
    if (firstPayload === undefined) return publisher;
    try {
      await within(publisher.publish(firstPayload, options), this.#runtime, deadline, signal, () =>
        timeoutError(`The broker did not acknowledge the first message to ${topic} within ${timeout / 1000} seconds`),
      );
    } catch (error) {
      publisher.close().catch(() => {});
      throw error;
    }
    return publisher;
  }

  /**
   * Opens a stream for a topic filter and subscribes on it.
   *
   * @param topicFilter may have wildcards: `+` for one level, `#` at the end for all below
   * @returns once the broker has granted it: what is published from then on is delivered
   * @throws MqttError ERR_MQTT_TOPIC_FILTER, ERR_MQTT_SUBSCRIPTION_REFUSED, ERR_MQTT_TIMEOUT, ERR_MQTT_DISCONNECTED
   */
  async subscriber(topicFilter: string, options: SubscriberOptions = {}): Promise<Subscriber> {
    const problem =
      topicFilterProblem(topicFilter) ??
      (isSharedFilter(topicFilter) ? 'asks for a shared subscription, which is not supported yet' : undefined);
    if (problem !== undefined)
      throw usageError('ERR_MQTT_TOPIC_FILTER', `The topic filter ${JSON.stringify(topicFilter)} ${problem}`);
    const { qos = this.#qos, signal, timeout = STREAM_TIMEOUT, bufferSize } = options;
    if (qos !== 0 && qos !== 1)
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `qos expected 0 or 1, got ${String(qos)}; QoS 2 is not there yet`);
    if (bufferSize !== undefined && !(bufferSize >= 1 && bufferSize <= 2 ** 31))
      throw usageError('ERR_MQTT_INVALID_ARGUMENT', `bufferSize expected 1..2^31 bytes, got ${bufferSize}`);
    const deadline = this.#runtime.now() + timeout;
    const stream = await this.#openStream(options, timeout);
    const subscriber = new Subscriber(stream, this.#host, topicFilter, bufferSize);
    this.#host.open.add(subscriber);
    const granted = subscriber.subscribe({
      topicFilter,
      qos,
      noLocal: options.noLocal ?? false,
      retainAsPublished: options.retainAsPublished ?? false,
      retainHandling: options.retainHandling ?? 0,
    });
    try {
      await within(granted, this.#runtime, deadline, signal, () =>
        timeoutError(`The broker did not answer the subscription to ${topicFilter} within ${timeout / 1000} seconds`),
      );
    } catch (error) {
      void subscriber.finish();
      throw error;
    }
    return subscriber;
  }

  /**
   * Closes everything in order: publishers send what waits and have it acknowledged, subscribers end, the broker is told, the connection closes.
   *
   * @returns once all that is done, or the deadline has passed; never rejects. A second call only waits.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.deadline ?? CLOSE_DEADLINE);
    return this.#closing;
  }

  async #close(deadline: number): Promise<void> {
    const runtime = this.#runtime;
    const end = runtime.now() + deadline;
    const host = this.#host;
    const isOver = (): MqttError => timeoutError('Closing takes too long');
    try {
      await within(Promise.all([...host.open].map((stream) => stream.finish())), runtime, end, undefined, isOver);
      host.control.disconnect();
      await within(this.#connection.closed, runtime, end, undefined, isOver);
    } catch {
      await this.#connection.close({ immediate: true });
    }
    await this.#connection.closed;
  }

  async #openStream(options: StreamOptions, timeout: number): Promise<QuicStream> {
    if (this.#closing !== undefined) throw usageError('ERR_MQTT_CLOSED', 'The client is closed');
    const { signal, urgency } = options;
    try {
      return await this.#connection.openStream({ signal, timeout, urgency });
    } catch (error) {
      if (!(error instanceof QuicErrorClass)) throw error;
      if (error.code === 'ERR_QUIC_STREAM_LIMIT')
        throw new MqttError(
          'ERR_MQTT_TIMEOUT',
          `The broker allowed no further stream within ${timeout / 1000} seconds: close publishers or subscribers that are not needed`,
          { fault: 'timeout', cause: error },
        );
      throw this.#host.endError(error) ?? error;
    }
  }
}

/** What the streams of one client share. */
class ClientHost implements ControlStreamHost, PublisherHost {
  readonly window: InFlightWindow = new InFlightWindow(65_535);
  readonly maxPacketSize: number;
  readonly control: ControlStream;
  /** Publishers and subscribers that are not over. */
  readonly open: Set<OpenStream> = new Set();
  readonly clientId: string;
  peerMaxPacketSize = 268_435_460;
  isRetainAvailable = true;
  maximumQos = 1;
  readonly #connection: QuicConnection;
  readonly #runtime: Runtime;
  /** Why the connection ends, where MQTT said more than QUIC will. */
  #reason: MqttError | undefined = undefined;
  #disconnectCode = 0;

  constructor(connection: QuicConnection, runtime: Runtime, clientId: string, maxPacketSize: number) {
    this.#connection = connection;
    this.#runtime = runtime;
    this.clientId = clientId;
    this.maxPacketSize = maxPacketSize;
    const stream = connection.tryOpenStream();
    if (stream === undefined)
      throw new MqttError('ERR_MQTT_UNREACHABLE', 'The broker allows no streams', { fault: 'peer' });
    this.control = new ControlStream(stream, this);
  }

  /** Takes over what CONNACK said. */
  accept(connack: ConnackPacket, keepAlive: number): void {
    this.window.receiveMaximum = connack.receiveMaximum ?? 65_535; // [MQTT-3.3.4-7]
    this.peerMaxPacketSize = connack.maximumPacketSize ?? this.peerMaxPacketSize;
    this.isRetainAvailable = connack.retainAvailable ?? true;
    this.maximumQos = connack.maximumQos ?? 2;
    this.control.startKeepAlive(keepAliveOf(keepAlive, connack.serverKeepAlive));
  }

  now(): number {
    return this.#runtime.now();
  }

  createTimer(callback: () => void): Timer {
    return this.#runtime.createTimer(callback);
  }

  noteSent(now: number): void {
    this.control.noteSent(now);
  }

  forget(stream: OpenStream): void {
    this.open.delete(stream);
  }

  handleDisconnect(reasonCode: number, reasonString: string | undefined): void {
    this.#disconnectCode = reasonCode;
    const said = reasonString === undefined ? '' : `: ${reasonString}`;
    this.#reason ??= new MqttError(
      'ERR_MQTT_DISCONNECTED',
      `The broker ended the connection with ${describeReasonCode(reasonCode)}${said}`,
      { fault: 'peer', reasonCode },
    );
    // It closes the connection as well; where it does not, we do (MQTT 5 §3.14.4).
    void this.#connection.close({ deadline: DISCONNECT_DEADLINE });
  }

  failConnection(error: MqttError, errorCode: number): void {
    this.#reason ??= error;
    // The broker closes the connection after its DISCONNECT; where it only ends the control stream, we do.
    const isPeer = this.#disconnectCode !== 0 || error.code === 'ERR_MQTT_DISCONNECTED';
    void this.#connection.close(isPeer ? { errorCode, deadline: DISCONNECT_DEADLINE } : { errorCode, immediate: true });
  }

  connectionError(error: QuicError): MqttError {
    return this.#reason ?? disconnectedError(error, this.#disconnectCode);
  }

  /** Why the connection ended; undefined when we closed it. */
  endError(error: QuicError | undefined): MqttError | undefined {
    if (this.#reason !== undefined) return this.#reason;
    return error === undefined ? undefined : disconnectedError(error, this.#disconnectCode);
  }
}

/** [MQTT-3.2.2-21]; pinging more often than the broker wants is allowed, and is what our idle timeout reckons with. */
function keepAliveOf(ours: number, servers: number | undefined): number {
  if (servers === undefined || servers === 0) return ours;
  return ours === 0 ? servers : Math.min(ours, servers);
}

/** MQTT's pings keep the connection alive; without them QUIC's do, and find out when nobody answers. */
function transportFor(keepAlive: number): TransportConfig {
  return {
    // Nothing is known that a broker could have to say on streams of its own.
    maxBidirectionalStreams: 0,
    maxUnidirectionalStreams: 0,
    ...(keepAlive === 0
      ? { maxIdleTimeout: 90_000, keepAliveInterval: 30_000 }
      : { maxIdleTimeout: Math.max(30_000, keepAlive * 1500 + 10_000) }),
  };
}

function connectFields(clientId: string, options: ClientOptions): ConnectFields {
  const { keepAlive = 60, cleanStart = true, username, password, will } = options;
  const problem = utf8Problem(clientId, MAX_CLIENT_IDENTIFIER_LENGTH);
  if (problem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The client id ${problem}`);
  if (!(Number.isInteger(keepAlive) && keepAlive >= 0 && keepAlive <= 65_535))
    throw usageError('ERR_MQTT_INVALID_ARGUMENT', `keepAlive expected 0..65535 seconds, got ${keepAlive}`);
  const nameProblem = username === undefined ? undefined : utf8Problem(username);
  if (nameProblem !== undefined) throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The user name ${nameProblem}`);
  return {
    protocolVersion: 5,
    clientId,
    cleanStart,
    keepAlive,
    username,
    password: password === undefined ? undefined : bytesOf(password, 'password'),
    will: will === undefined ? undefined : willFields(will),
    receiveMaximum: 65_535,
    maximumPacketSize: options.maxPacketSize ?? MAX_PACKET_SIZE,
  };
}

function bytesOf(value: Uint8Array | string, what: string): Uint8Array {
  const bytes = typeof value === 'string' ? encodeUtf8(value) : value;
  if (!(bytes instanceof Uint8Array))
    throw usageError('ERR_MQTT_INVALID_ARGUMENT', `The ${what} expected text or Uint8Array, got ${typeof value}`);
  return bytes;
}

function willFields(will: WillOptions): WillFields {
  const problem = topicNameProblem(will.topic);
  if (problem !== undefined)
    throw usageError('ERR_MQTT_TOPIC_NAME', `The topic of the will, ${JSON.stringify(will.topic)}, ${problem}`);
  // For its checks.
  encodeMessageProperties(will);
  const payload = bytesOf(will.payload, 'payload of the will');
  if (payload.length > 65_535)
    throw usageError(
      'ERR_MQTT_INVALID_ARGUMENT',
      `The payload of the will is ${payload.length} bytes long, more than 65535`,
    );
  return { ...will, payload, qos: will.qos ?? 1, retain: will.retain ?? false };
}

/** Waits for a promise until a deadline on the runtime's clock, or until a signal. The promise goes on. */
function within<T>(
  promise: Promise<T>,
  runtime: Runtime,
  deadline: number,
  signal: AbortSignal | undefined,
  error: () => MqttError,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = runtime.createTimer(() => settle(() => reject(error())));
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const settle = (act: () => void): void => {
      timer.clear();
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    promise.then(
      (value) => settle(() => resolve(value)),
      (reason: unknown) => settle(() => reject(reason)),
    );
    if (signal?.aborted === true) onAbort();
    else if (deadline < Infinity) timer.set(deadline);
    signal?.addEventListener('abort', onAbort);
  });
}

function timeoutError(message: string): MqttError {
  return new MqttError('ERR_MQTT_TIMEOUT', message, { fault: 'timeout' });
}

function addressText(address: string | SocketAddress): string {
  return typeof address === 'string' ? address : `${address.host}:${address.port}`;
}
