/** A client: one connection, a control stream, and a stream of its own for each publisher and each subscriber. */
import type { ConnectionStats, QuicConnection, QuicStream, Runtime, SocketAddress } from '@mquictt/quic-node';
import { connect, nodeRuntime, parseAddress, QuicError as QuicErrorClass } from '@mquictt/quic-node';
import type { Config } from '../config.ts';
import { MqttError, usageError } from '../errors.ts';
import { MAX_PACKET_SIZE } from '../limits.ts';
import type { ConnackPacket } from '../packets/codec.ts';
import { isSharedFilter, topicFilterProblem, topicNameProblem } from '../packets/topics.ts';
import { ALPN, DEFAULT_PORT, connectError, quicOptionsOf, refusedError } from '../quic-options.ts';
import { ClientHost } from './client-host.ts';
import { connectFields, transportFor } from './connect-fields.ts';
import type { ClientOptions, CloseOptions, PublisherOptions, StreamOptions, SubscriberOptions } from './options.ts';
import { Publisher } from './publisher.ts';
import { Subscriber } from './subscriber.ts';
import { within, timeoutError } from './within.ts';

const CONNECT_TIMEOUT = 10_000;
const STREAM_TIMEOUT = 30_000;
const CLOSE_DEADLINE = 5_000;

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
   * @param config whom to trust, and the certificate to show to a broker that asks. Connecting again with the same Config resumes the connection: no
   *   certificates are exchanged then
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
        certificate: config.credential,
        sessions: config.sessions,
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
      const refusal = refusedError(error, connection.closeError);
      void connection.close({ immediate: true });
      throw refusal;
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

function addressText(address: string | SocketAddress): string {
  return typeof address === 'string' ? address : `${address.host}:${address.port}`;
}
