/** The broker: its listeners, the core, one timer, and the loop that serves what the core names. */
import { nodeRuntime } from '@mquictt/quic-node';
import type { Runtime, SocketAddress, Timer } from '@mquictt/quic-node';
import type { AccessOptions } from '../access/access-control.ts';
import type { ClientLimitOptions } from '../access/client-limits.ts';
import type { Config } from '../config.ts';
import type { ConnectRequest } from '../core/connect-request.ts';
import { BrokerCore } from '../core/broker-core.ts';
import type { SlowConsumer } from '../core/broker-core.ts';
import type { BrokerStats } from '../core/broker-stats.ts';
import type { CapabilityOptions } from '../core/capabilities.ts';
import type { RetainedLimits } from '../core/retained.ts';
import type { SessionQueueLimits } from '../core/session.ts';
import type { SharedStrategy } from '../core/shared-group.ts';
import { CLOSE_DEADLINE } from '../limits.ts';
import { logFunction } from '../logger.ts';
import type { Logger } from '../logger.ts';
import type { QuicOptions } from '../quic-options.ts';
import { checkSettings } from '../operations/broker-settings.ts';
import { DEFAULT_SYS_INTERVAL, SysTopics } from '../operations/sys-topics.ts';
import { brokerMetrics } from '../operations/broker-metrics.ts';
import { TransportMetrics } from '../operations/transport-metrics.ts';
import { ReasonCode } from '../reason-codes.ts';
import type { Store } from '../stores/store.ts';
import type { TransportKind, TransportListener } from '../transports/transport.ts';
import { BrokerAccess } from './broker-access.ts';
import type { ClientCertificates } from './client-certificates.ts';
import { VERSION } from '../version.ts';
import { ConnectionBinding } from './connection-binding.ts';
import type { ListenerOptions } from './listener-options.ts';
import { openListeners } from './open-listeners.ts';
import type { OpenListeners } from './open-listeners.ts';
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
  /** Seconds between two updates of the topics under `$SYS`, 0 = there are none. @default 10 */
  readonly sysInterval?: number;
  /** Where else to listen: QUIC, TCP, TLS, WebSocket and secure WebSocket, any number of each. */
  readonly listeners?: readonly ListenerOptions[];
  /** Connections of each listener at once; more are refused. @default 65_536 */
  readonly maxConnections?: number;
  /**
   * How clients are asked for certificates.
   * @default those that lead to the CA of the configuration are taken and none is required; without a CA nobody is asked
   */
  readonly clientCertificates?: ClientCertificates;
  /**
   * Who may come in, and what they may do.
   * @default what the configuration file says under "access"; without it everybody may do everything
   */
  readonly access?: AccessOptions;
  /** What one client, one identity and one address may take. @default what the configuration file says under "limits" */
  readonly limits?: ClientLimitOptions;
  /** Told about what is configured and has no effect. @default process.emitWarning */
  readonly onWarning?: (message: string) => void;
}

export interface BrokerCloseOptions {
  /** Where clients of MQTT 5 shall go instead (0x9C, use another server). @default they are told that the broker stops (0x8B) */
  readonly serverReference?: string;
}

export interface ListenerInfo {
  readonly type: TransportKind;
  readonly name: string;
  /** IP address and port as bound: port 0 has become a real one. */
  readonly address: SocketAddress;
  /** Connections that are through with their handshake. */
  readonly connections: number;
}

/** Configurations whose `logs` have been warned about. */
const warned = new WeakSet<Config>();

/** A running broker. Made by server(). */
export class Broker {
  readonly #open: OpenListeners;
  readonly #core: BrokerCore;
  readonly #access: BrokerAccess;
  readonly #runtime: Runtime;
  readonly #timer: Timer;
  readonly #metrics = new TransportMetrics();
  readonly #persistence: Persistence | undefined;
  #timerDeadline = Infinity;
  #isFlushing = false;
  #isFlushScheduled = false;
  #closing: Promise<void> | undefined = undefined;
  #isClosed = false;

  /** @internal */
  constructor(
    open: OpenListeners,
    core: BrokerCore,
    runtime: Runtime,
    persistence?: Persistence,
    access: BrokerAccess = new BrokerAccess(),
  ) {
    this.#open = open;
    this.#core = core;
    this.#access = access;
    this.#runtime = runtime;
    this.#timer = runtime.createTimer(() => this.#onTimer());
    this.#persistence = persistence;
    if (persistence !== undefined) persistence.onWritten = () => this.#flush();
    const now = (): number => runtime.now();
    // quic-node gathers datagrams into turns by itself; sockets call for each chunk of each client.
    const turns: StreamBindingHost = { now, flush: () => this.#flush() };
    const sockets: StreamBindingHost = { now, flush: () => this.#flushSoon() };
    for (const listener of open.listeners) this.#serve(listener, listener.kind === 'quic' ? turns : sockets);
    // What was restored may have deadlines.
    this.#flush();
  }

  /** IP address and port of QUIC as bound: port 0 has become a real one. */
  address(): SocketAddress {
    return (this.#open.listeners[0] as TransportListener).address;
  }

  /** All listeners, in the order of the options; the address that the broker was started with comes first. */
  listeners(): ListenerInfo[] {
    return this.#open.listeners.map(({ kind, name, address, connectionCount }) => ({
      type: kind,
      name,
      address,
      connections: connectionCount,
    }));
  }

  /**
   * Replaces the certificate while the broker runs: new connections get that of this configuration, on all listeners without one of their own.
   *
   * @throws MqttError ERR_MQTT_CERTIFICATE
   */
  setCertificate(config: Config): void {
    this.#open.setCertificate(config);
  }

  /**
   * Other passwords, tokens and rules from now on, all at once. Connections go on; what they have and may no longer have ends: subscriptions with what waits
   * for them, wills, and retained messages whose publishers may no longer publish them.
   *
   * @param options undefined = everybody may do everything
   * @throws MqttError ERR_MQTT_ACCESS, and then everything stays as it was
   */
  setAccess(options: AccessOptions | undefined): void {
    this.#access.set(options);
    this.#core.setAccess(this.#access.control, this.#runtime.now());
    this.#flush();
  }

  /** Counters, and what there is now. */
  stats(): BrokerStats {
    return this.#core.stats();
  }

  /** All counters, those of listeners and of QUIC's round trips and losses included, as Prometheus reads them. */
  metrics(): string {
    return brokerMetrics(this, this.#metrics, VERSION);
  }

  /** What keeps the broker from doing all it should, each a sentence for the operator; empty when all is well. */
  problems(): string[] {
    return [
      ...(this.#closing === undefined ? [] : ['The broker is stopping']),
      ...(this.#core.isOverloaded ? ['As much waits for clients as may: publishers are not read'] : []),
      ...(this.#persistence?.problems ?? []),
    ];
  }

  /**
   * Tells all clients that the broker stops, closes their connections and frees the ports. Without a store sessions and retained messages are gone then.
   *
   * @returns once the ports are free; never rejects. A second call only waits.
   */
  close(options: BrokerCloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close({ serverReference }: BrokerCloseOptions): Promise<void> {
    this.#core.shutDown(this.#runtime.now(), serverReference);
    this.#flush();
    const errorCode = serverReference === undefined ? ReasonCode.SERVER_SHUTTING_DOWN : ReasonCode.USE_ANOTHER_SERVER;
    const options = { errorCode, deadline: CLOSE_DEADLINE };
    await Promise.all(this.#open.listeners.map((listener) => listener.close(options)));
    this.#isClosed = true;
    this.#timer.clear();
    await this.#persistence?.close();
  }

  #serve(listener: TransportListener, host: StreamBindingHost): void {
    listener.onConnection = (connection) => {
      ConnectionBinding.start(connection, this.#core, host, this.#metrics);
      host.flush();
    };
  }

  /** After everything that arrived together has been read: what goes to one client then goes in one write. */
  #flushSoon(): void {
    if (this.#isFlushScheduled || this.#isFlushing) return;
    this.#isFlushScheduled = true;
    setImmediate(() => {
      this.#isFlushScheduled = false;
      this.#flush();
    });
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
      const request = core.nextConnectRequest();
      if (request !== undefined) {
        void this.#answer(request);
        continue;
      }
      const connection = core.nextReadyConnection();
      if (connection === undefined) return;
      (connection.context as ConnectionBinding).serve();
    }
  }

  async #answer(request: ConnectRequest): Promise<void> {
    const result = await this.#access.authenticate(request, () => this.#runtime.unixTime());
    this.#core.answerConnect(request, result, this.#runtime.now());
    this.#flush();
  }

  #setTimer(): void {
    const deadline = this.#core.nextTimeout();
    // An earlier setting does no harm: the timer is then set again, instead of once per message.
    if (deadline >= this.#timerDeadline || this.#isClosed) return;
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
 * Starts a broker for MQTT 5 and MQTT 3.1.1 over QUIC, and over what `listeners` of the options says.
 *
 * Everybody who can reach its ports may connect, publish and subscribe, unless `access` says otherwise. Certificates of clients are checked where the
 * configuration has a CA, and required where `clientCertificates` says so.
 *
 * @param address where to listen for QUIC, `host:port`; port 0 = any free one
 * @param config with certificate and key: QUIC has no unencrypted form
 * @returns once the ports are bound
 * @throws MqttError ERR_MQTT_CERTIFICATE, ERR_MQTT_LISTEN, ERR_MQTT_ACCESS, ERR_MQTT_INVALID_ARGUMENT, ERR_MQTT_STORE, ERR_MQTT_STORE_TAKEN
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
  if (config.logs !== undefined && !warned.has(config)) {
    warned.add(config);
    const warn = options.onWarning ?? ((message) => process.emitWarning(message, { code: 'MQUICTT_LOGS' }));
    warn('"logs" of the configuration has no effect: what outlives the broker is decided by its store');
  }
  const runtime = options.runtime ?? nodeRuntime;
  checkSettings(options);
  const log = logFunction(options.logger);
  const access = new BrokerAccess(options.access ?? config.access, log);
  const persistence = options.store === undefined ? undefined : new Persistence(options.store, runtime, log);
  const core = new BrokerCore({
    ...options,
    access: access.control,
    limits: options.limits ?? config.limits,
    random: runtime.random,
    log,
    ...(persistence === undefined ? {} : { journal: persistence.journal }),
  });
  try {
    await persistence?.load(core);
    const open = await openListeners(address, config, options, runtime, log, access.judge);
    const { sysInterval = DEFAULT_SYS_INTERVAL } = options;
    if (sysInterval > 0) SysTopics.start(core, sysInterval, VERSION, runtime.now());
    return new Broker(open, core, runtime, persistence, access);
  } catch (error) {
    await persistence?.close();
    throw error;
  }
}
