/** connect(): look up the name, try its addresses, and resolve when a handshake is complete. */
import { isIP, isIPv6 } from 'node:net';
import { createEndpoint, QuicError, type EndpointConfig } from '@mquictt/quic-core';
import { fastProtector } from '@mquictt/quic-core/node';
import type { ClientSession } from '@mquictt/tls13';
import { defaultRoots, nodeProvider } from '@mquictt/tls13/node';
import { formatAddress, parseAddress, type SocketAddress } from './addresses.ts';
import { cipherSuitesFor } from './cipher-suites.ts';
import { credentialOf } from './credential.ts';
import { connectError, noAnswerError } from './connect-errors.ts';
import { raceAttempts, type Attempt } from './connect-race.ts';
import { QuicConnection, type ConnectionOwner } from './connection.ts';
import { Driver } from './driver.ts';
import { noAddressError, QuicNodeError } from './errors.ts';
import { nodeRuntime } from './node-runtime.ts';
import type { ConnectOptions } from './options.ts';
import type { Runtime } from './runtime.ts';
import { checkCommonOptions } from './check-options.ts';

/** ms for name look-up and handshake unless told otherwise. */
const CONNECT_TIMEOUT = 10_000;

/**
 * Connects to a QUIC server over a UDP socket of its own, which closes with the connection.
 *
 * @returns the connection once its handshake is complete and the server's certificate verified
 * @throws QuicError that says who and why: ERR_QUIC_HANDSHAKE_TIMEOUT (no answer), ERR_QUIC_TLS (its `cause` is the TlsError with the
 *   exact code), ERR_QUIC_CONNECTION_REFUSED ...; QuicNodeError for an address, a name or a local port that cannot be used;
 *   `signal.reason` when aborted
 *
 * @example
 * const connection = await connect({ host: 'localhost', port: 4433, alpnProtocols: ['echo'], roots });
 * const stream = await connection.openStream();
 * await stream.end(Buffer.from('hello'));
 * for await (const chunk of stream) process.stdout.write(chunk);
 * await connection.close();
 */
export async function connect(options: ConnectOptions): Promise<QuicConnection> {
  const { signal } = options;
  signal?.throwIfAborted();
  checkCommonOptions(options);
  const target = parseAddress({ host: options.host, port: options.port });
  if (target.port === 0) throw new QuicNodeError('ERR_QUIC_ADDRESS', 'Invalid port 0: a server has a port of its own');
  const runtime = options.runtime ?? nodeRuntime;
  const timeout = options.timeout ?? options.transport?.handshakeTimeout ?? CONNECT_TIMEOUT;
  const config = clientConfig(options, runtime, timeout);
  const settings = { ...options, host: target.host };

  let attempts: ClientAttempt[] = [];
  let race: Attempt | undefined = undefined;
  let isOver = false;
  return new Promise<QuicConnection>((resolve, reject) => {
    const settle = (act: () => void): void => {
      if (isOver) return;
      isOver = true;
      timer.clear();
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    // Whoever waits for a connection is kept waiting, even where nothing else keeps the process alive.
    const timer = runtime.createTimer(
      () => {
        settle(() => reject(noAnswerError(target.host, target, attempts, timeout)));
        race?.abort();
      },
      { ref: true },
    );
    const onAbort = (): void => {
      settle(() => reject(signal!.reason));
      race?.abort();
    };
    timer.set(runtime.now() + timeout);
    signal?.addEventListener('abort', onAbort);

    const run = async (): Promise<QuicConnection> => {
      const addresses = usableAddresses(await runtime.lookup(target.host), options);
      if (isOver) throw signal?.reason;
      race = raceAttempts(runtime, addresses, (address) => {
        const attempt = new ClientAttempt(settings, runtime, config, { host: address, port: target.port }, timeout);
        attempts.push(attempt);
        return attempt;
      });
      return race.result;
    };
    run().then(
      (connection) => {
        if (isOver) void connection.close({ immediate: true });
        settle(() => resolve(connection));
      },
      (error: unknown) => settle(() => reject(error)),
    );
  }).finally(() => {
    attempts = [];
  });
}

function clientConfig(options: ConnectOptions, runtime: Runtime, timeout: number): EndpointConfig {
  const { random } = runtime;
  const provider = options.provider ?? nodeProvider;
  const protector = options.protector ?? fastProtector;
  return {
    provider,
    protector,
    random,
    unixTime: () => runtime.unixTime(),
    // The handshake's own deadline must not come before ours.
    transport: { ...options.transport, handshakeTimeout: timeout },
    client: {
      provider,
      random,
      alpnProtocols: options.alpnProtocols,
      cipherSuites: cipherSuitesFor(protector),
      roots: options.roots ?? defaultRoots(),
      ...(options.groups === undefined ? {} : { groups: options.groups }),
      ...(options.certificate === undefined ? {} : { credential: credentialOf(options.certificate, provider, random) }),
      refuseTickets: options.sessions === undefined,
      judgePeerChain: options.judge !== undefined,
      requestOcspStaple: options.judge !== undefined,
      ...(options.keyLog === undefined ? {} : { keyLog: options.keyLog }),
    },
  };
}

/** Addresses of the family of our own, where that is given. */
function usableAddresses(addresses: readonly string[], options: ConnectOptions): readonly string[] {
  if (addresses.length === 0) throw noAddressError(options.host);
  const local = options.localAddress;
  if (local === undefined) return addresses;
  const family = isIP(local.host);
  if (family === 0) {
    throw new QuicNodeError(
      'ERR_QUIC_ADDRESS',
      `Invalid localAddress: expected an IP address, got ${JSON.stringify(local.host)}`,
    );
  }
  const usable = addresses.filter((address) => isIP(address) === family);
  if (usable.length === 0) {
    throw new QuicNodeError(
      'ERR_QUIC_ADDRESS',
      `${options.host} has no IPv${family} address to reach from ${local.host}`,
    );
  }
  return usable;
}

/** One remote address, with a socket and an endpoint of its own. */
class ClientAttempt implements Attempt, ConnectionOwner {
  readonly address: SocketAddress;
  readonly result: Promise<QuicConnection>;
  readonly #options: ConnectOptions;
  readonly #runtime: Runtime;
  readonly #timeout: number;
  readonly #driver: Driver;
  #connection: QuicConnection | undefined = undefined;
  #isOver: boolean = false;
  #resolve: (connection: QuicConnection) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(
    options: ConnectOptions,
    runtime: Runtime,
    config: EndpointConfig,
    address: SocketAddress,
    timeout: number,
  ) {
    this.#options = options;
    this.#runtime = runtime;
    this.#timeout = timeout;
    this.address = address;
    this.#driver = new Driver(runtime, createEndpoint(config));
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#start().catch((error: unknown) => {
      this.#driver.shutDown();
      this.#reject(error);
    });
  }

  /** Whether the other side said anything at all. */
  get hasAnswer(): boolean {
    return this.#connection !== undefined && this.#connection.stats().datagramsReceived > 0;
  }

  abort(): void {
    this.#isOver = true;
    if (this.#connection === undefined) this.#driver.shutDown();
    else void this.#connection.close({ immediate: true });
  }

  onConnected(connection: QuicConnection): void {
    this.#isOver = true;
    this.#resolve(connection);
  }

  onClosed(_connection: QuicConnection, error: QuicError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reject(connectError(error, this.#options.host, this.address, this.hasAnswer, this.#timeout));
  }

  async #start(): Promise<void> {
    const { address, port } = this.#localAddress();
    const { receiveBufferSize, sendBufferSize } = this.#options;
    await this.#driver.bind({ address, port, receiveBufferSize, sendBufferSize });
    if (this.#isOver) return;
    const { serverName = this.#options.host, sessions, judge } = this.#options;
    const remote = this.address;
    // Another protocol or port of that name may be another server.
    const scope = `${remote.port} ${this.#options.alpnProtocols.join()}`;
    const session = sessions?.take(serverName, scope, this.#runtime.unixTime());
    const core = this.#driver.endpoint.connect(
      { serverName, address: remote.host, port: remote.port, session },
      this.#runtime.now(),
    );
    const onSession = (fresh: ClientSession): void => sessions?.put(fresh, scope);
    this.#connection = new QuicConnection(core, this.#driver, this, { judge, onSession });
    this.#driver.onSocketError = (error) => this.#onSocketError(error);
    this.#driver.closeWhenIdle(true);
  }

  /**
   * The socket stays unconnected: connecting it would save a tenth of the cost of sending, but tie it to the interface of today, and a
   * client that changes networks could not take its connection along.
   */
  #localAddress(): { address: string; port: number } {
    const local = this.#options.localAddress;
    if (local !== undefined) return { address: local.host, port: local.port };
    return { address: isIPv6(this.address.host) ? '::' : '0.0.0.0', port: 0 };
  }

  #onSocketError(cause: Error): void {
    const error = new QuicError(
      'ERR_QUIC_INTERNAL',
      `The UDP socket to ${formatAddress(this.address)} failed: ${cause.message}`,
      {
        cause,
      },
    );
    if (!this.#isOver) this.#reject(error);
    void this.#connection?.close({ immediate: true });
  }
}
