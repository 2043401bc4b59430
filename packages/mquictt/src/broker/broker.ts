/** The broker on a UDP port: a listener, the core, one timer, and the loop that serves what the core names. */
import type {
  ClientCertificateOptions,
  Credential,
  JudgePeer,
  QuicListener,
  RootStore,
  Runtime,
  SocketAddress,
  Timer,
  TransportConfig,
} from '@mquictt/quic-node';
import { listen, nodeRuntime, parseAddress } from '@mquictt/quic-node';
import type { Config } from '../config.ts';
import { BrokerCore } from '../core/broker-core.ts';
import type { SlowConsumer } from '../core/broker-core.ts';
import type { BrokerStats } from '../core/broker-stats.ts';
import type { CapabilityOptions } from '../core/capabilities.ts';
import type { RetainedLimits } from '../core/retained.ts';
import type { SessionQueueLimits } from '../core/session.ts';
import type { SharedStrategy } from '../core/shared-group.ts';
import { MqttError, usageError } from '../errors.ts';
import { CLOSE_DEADLINE, MAX_STREAMS } from '../limits.ts';
import { logFunction } from '../logger.ts';
import type { Logger } from '../logger.ts';
import { ALPN, DEFAULT_PORT, listenError, quicOptionsOf } from '../quic-options.ts';
import type { QuicOptions } from '../quic-options.ts';
import { ReasonCode } from '../reason-codes.ts';
import type { Store } from '../stores/store.ts';
import { ConnectionBinding } from './connection-binding.ts';
import { Persistence } from './persistence.ts';
import { StreamBinding } from './stream-binding.ts';
import type { StreamBindingHost } from './stream-binding.ts';

export interface BrokerOptions extends QuicOptions, CapabilityOptions {
  /** Told what happens; pino fits. @default nobody */
  readonly logger?: Logger;
  /** How much is kept of retained messages. */
  readonly retained?: RetainedLimits;
  /** How much may wait for one session, whether its client is connected or not. */
  readonly sessionQueue?: SessionQueueLimits;
  /** Bytes that may wait for all sessions together; beyond it who only publishes is not read, and new clients are refused. @default 536_870_912 */
  readonly maxQueuedBytes?: number;
  /**
   * What becomes of a reader that lets its session's queue fill up: its new messages of QoS 1 and 2 are not queued (and counted), or it loses its stream,
   * on the control stream its connection, with 0x97. @default 'drop'
   */
  readonly slowConsumer?: SlowConsumer;
  /**
   * Which member of a shared subscription gets the next message, among those who are connected and keep up. 'sticky' stays with one as long as it does.
   * @default 'round-robin'
   */
  readonly sharedStrategy?: SharedStrategy;
  /**
   * Where sessions, their messages and retained messages outlive the broker: a LevelStore, a RedisStore, or one of your own. It is the broker's from then
   * on, which closes it. What a client is told has been written before.
   * @default nothing outlives the broker
   */
  readonly store?: Store;
  /** Connections at once; more are refused. @default 65_536 */
  readonly maxConnections?: number;
  /**
   * How clients are asked for certificates.
   * @default those that lead to the CA of the configuration are taken and none is required; without a CA nobody is asked
   */
  readonly clientCertificates?: ClientCertificates;
  /** Told about what is configured and has no effect. @default process.emitWarning */
  readonly onWarning?: (message: string) => void;
}

export interface ClientCertificates {
  /** What certificates of clients must lead to. @default the CA of the configuration */
  readonly roots?: RootStore;
  /** Whether clients without a certificate are refused. @default true */
  readonly required?: boolean;
  /** Asked about each client with a certificate; what it gives is the client's identity. @default all are welcome */
  readonly judge?: JudgePeer;
}

/** What a broker allows each client; `transport` of BrokerOptions goes before it. */
const TRANSPORT: TransportConfig = {
  // MQTT's keep-alive rules, which is not known when the handshake fixes this.
  maxIdleTimeout: 0,
  maxBidirectionalStreams: MAX_STREAMS,
  // Larger buffers only make messages older.
  streamSendBuffer: 262_144,
};

/** Configurations whose `logs` have been warned about. */
const warned = new WeakSet<Config>();

/** A running broker. Made by server(). */
export class Broker {
  readonly #listener: QuicListener;
  readonly #core: BrokerCore;
  readonly #runtime: Runtime;
  readonly #timer: Timer;
  readonly #persistence: Persistence | undefined;
  #timerDeadline = Infinity;
  #isFlushing = false;
  #closing: Promise<void> | undefined = undefined;

  /** @internal */
  constructor(listener: QuicListener, core: BrokerCore, runtime: Runtime, persistence?: Persistence) {
    this.#listener = listener;
    this.#core = core;
    this.#runtime = runtime;
    this.#timer = runtime.createTimer(() => this.#onTimer());
    this.#persistence = persistence;
    if (persistence !== undefined) persistence.onWritten = () => this.#flush();
    const host: StreamBindingHost = {
      now: () => runtime.now(),
      flush: () => this.#flush(),
    };
    listener.onConnection = (connection) => {
      ConnectionBinding.start(connection, core, host);
      this.#flush();
    };
    // What was restored may have deadlines.
    this.#flush();
  }

  /** IP address and port as bound: port 0 has become a real one. */
  address(): SocketAddress {
    return this.#listener.address;
  }

  /** Counters, and what there is now. */
  stats(): BrokerStats {
    return this.#core.stats();
  }

  /** What keeps the broker from doing all it should, each a sentence for the operator; empty when all is well. */
  problems(): string[] {
    return this.#persistence?.problems ?? [];
  }

  /**
   * Tells all clients that the broker stops, closes their connections and frees the port. Without a store sessions and retained messages are gone then.
   *
   * @returns once the port is free; never rejects. A second call only waits.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#core.shutDown(this.#runtime.now());
    this.#flush();
    await this.#listener.close({ errorCode: ReasonCode.SERVER_SHUTTING_DOWN, deadline: CLOSE_DEADLINE });
    this.#timer.clear();
    await this.#persistence?.close();
  }

  /** Serves everything that the core has named, and what comes of it, then sets the timer. */
  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      this.#serveReady(this.#runtime.now());
    } finally {
      this.#isFlushing = false;
    }
    this.#persistence?.flush();
    this.#setTimer();
  }

  #serveReady(now: number): void {
    const core = this.#core;
    for (;;) {
      const channel = core.nextReadyChannel();
      if (channel !== undefined) {
        // CONNECT may just have been accepted on it.
        if (channel.kind === 'control') (channel.connection.context as ConnectionBinding).bindWaiting();
        (channel.context as StreamBinding | undefined)?.serve(now);
        continue;
      }
      const connection = core.nextReadyConnection();
      if (connection === undefined) return;
      (connection.context as ConnectionBinding).serve();
    }
  }

  #setTimer(): void {
    const deadline = this.#core.nextTimeout();
    // An earlier setting does no harm: the timer is then set again, instead of once per message.
    if (deadline >= this.#timerDeadline) return;
    this.#timerDeadline = deadline;
    this.#timer.set(deadline);
  }

  #onTimer(): void {
    this.#timerDeadline = Infinity;
    this.#core.handleTimeout(this.#runtime.now());
    this.#flush();
  }
}

/**
 * Starts a broker for MQTT 5 and MQTT 3.1.1 over QUIC.
 *
 * Everybody who can reach the port may connect, publish and subscribe: names and passwords are not checked in this version. Certificates of clients are
 * checked where the configuration has a CA, and required where `clientCertificates` says so.
 *
 * @param address where to listen, `host:port`; port 0 = any free one
 * @param config with certificate and key: QUIC has no unencrypted form
 * @returns once the port is bound
 * @throws MqttError ERR_MQTT_CERTIFICATE, ERR_MQTT_LISTEN, ERR_MQTT_INVALID_ARGUMENT, ERR_MQTT_STORE, ERR_MQTT_STORE_TAKEN
 *
 * @example
 * const broker = await server('127.0.0.1:1883', await Config.read('server.json'));
 * await broker.close();
 */
export async function server(
  address: string | SocketAddress,
  config: Config,
  options: BrokerOptions = {},
): Promise<Broker> {
  const credential = credentialOf(config);
  if (config.logs !== undefined && !warned.has(config)) {
    warned.add(config);
    const warn = options.onWarning ?? ((message) => process.emitWarning(message, { code: 'MQUICTT_LOGS' }));
    warn('"logs" of the configuration has no effect: what outlives the broker is decided by its store');
  }
  const runtime = options.runtime ?? nodeRuntime;
  checkNumbers(options);
  const log = logFunction(options.logger);
  const persistence = options.store === undefined ? undefined : new Persistence(options.store, runtime, log);
  const core = new BrokerCore({
    ...options,
    random: runtime.random,
    log,
    ...(persistence === undefined ? {} : { journal: persistence.journal }),
  });
  try {
    await persistence?.load(core);
    const { host, port } = parseAddress(address, DEFAULT_PORT);
    const listener = await listen({
      ...quicOptionsOf(options),
      runtime,
      host,
      port,
      alpnProtocols: [ALPN],
      certificate: credential,
      clientCertificates: clientCertificatesOf(config, options),
      transport: { ...TRANSPORT, ...options.transport },
      maxConnections: options.maxConnections,
    });
    return new Broker(listener, core, runtime, persistence);
  } catch (error) {
    await persistence?.close();
    throw listenError(error);
  }
}

function clientCertificatesOf(
  config: Config,
  { clientCertificates }: BrokerOptions,
): ClientCertificateOptions | undefined {
  const roots = clientCertificates?.roots ?? config.roots;
  if (roots !== undefined) return { required: clientCertificates !== undefined, ...clientCertificates, roots };
  if (clientCertificates === undefined) return undefined;
  throw usageError(
    'ERR_MQTT_CERTIFICATE',
    'Certificates of clients need a CA that they lead to: name ca_cert_file under "auth" of the configuration, or give clientCertificates.roots',
  );
}

/** What has to be a whole number, and from where to where. */
const NUMBERS: readonly (readonly [name: keyof CapabilityOptions, unit: string, smallest: number, largest: number])[] =
  [
    ['maxPacketSize', 'bytes', 64, 268_435_460],
    ['serverKeepAlive', 'seconds', 1, 65_535],
    ['maximumQos', '', 0, 2],
    ['receiveMaximum', 'messages', 1, 65_535],
    ['topicAliasMaximum', 'aliases', 0, 65_535],
    ['outgoingTopicAliases', 'aliases', 0, 65_535],
    ['maxSessionExpiry', 'seconds', 0, Infinity],
  ];

function checkNumbers(options: BrokerOptions): void {
  const wrong = (what: string): never => {
    throw usageError('ERR_MQTT_INVALID_ARGUMENT', what);
  };
  for (const [name, unit, smallest, largest] of NUMBERS) {
    const value: unknown = options[name];
    if (value === undefined || (value === Infinity && largest === Infinity)) continue;
    if (!Number.isInteger(value) || (value as number) < smallest || (value as number) > largest)
      wrong(`${name} expected ${smallest}..${largest} ${unit}`.trimEnd() + `, got ${String(value)}`);
  }
  const { sessionQueue = {}, maxQueuedBytes } = options;
  for (const [name, value] of Object.entries({ ...sessionQueue, maxQueuedBytes })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1))
      wrong(`${name} expected a whole number above 0, got ${value}`);
  }
}

function credentialOf(config: Config): Credential {
  if (config.credential !== undefined) return config.credential;
  throw new MqttError(
    'ERR_MQTT_CERTIFICATE',
    'A broker needs a certificate: name cert_file and key_file under "auth" of its configuration (mquictt certificates makes some for development)',
    { fault: 'usage' },
  );
}
