/** listen(): bind a UDP port and accept QUIC connections on it. */
import { createEndpoint, type EndpointConfig } from '@mquictt/quic-core';
import { fastProtector } from '@mquictt/quic-core/node';
import {
  SealedTickets,
  type ClientAuthentication,
  type CryptoProvider,
  type Random,
  type Resumption,
} from '@mquictt/tls13';
import { nodeProvider } from '@mquictt/tls13/node';
import { parseAddress } from './addresses.ts';
import { checkCommonOptions, checkListenOptions } from './check-options.ts';
import { cipherSuitesFor } from './cipher-suites.ts';
import { credentialOf } from './credential.ts';
import { Driver } from './driver.ts';
import { noAddressError } from './errors.ts';
import { QuicListener } from './listener.ts';
import { nodeRuntime } from './node-runtime.ts';
import type { ClientCertificateOptions, ListenOptions, ResumptionOptions } from './options.ts';
import type { Runtime } from './runtime.ts';

/**
 * Accepts QUIC connections on a UDP port.
 *
 * @returns the listener once the port is bound
 * @throws QuicNodeError ERR_QUIC_BIND, ERR_QUIC_ADDRESS, ERR_QUIC_LOOKUP or ERR_QUIC_OPTIONS; TlsError for a certificate or key that cannot be used
 *
 * @example
 * const listener = await listen({ host: '0.0.0.0', port: 4433, alpnProtocols: ['echo'], certificate: { certificatePem, keyPem } });
 * for await (const connection of listener) serve(connection);
 */
export async function listen(options: ListenOptions): Promise<QuicListener> {
  checkCommonOptions(options);
  checkListenOptions(options);
  const local = parseAddress({ host: options.host, port: options.port });
  const runtime = options.runtime ?? nodeRuntime;
  const config = serverConfig(options, runtime);
  const [address] = await runtime.lookup(local.host);
  if (address === undefined) throw noAddressError(local.host);
  const driver = new Driver(runtime, createEndpoint(config));
  const listener = new QuicListener(driver, options);
  const { receiveBufferSize, sendBufferSize } = options;
  try {
    await driver.bind({ address, port: local.port, receiveBufferSize, sendBufferSize });
  } catch (error) {
    driver.shutDown();
    throw error;
  }
  return listener;
}

function serverConfig(options: ListenOptions, runtime: Runtime): EndpointConfig {
  const { random } = runtime;
  const { resumption = {} } = options;
  const provider = options.provider ?? nodeProvider;
  const protector = options.protector ?? fastProtector;
  return {
    provider,
    protector,
    random,
    unixTime: () => runtime.unixTime(),
    ...(options.transport === undefined ? {} : { transport: options.transport }),
    ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
    ...(options.maxHalfOpenConnections === undefined ? {} : { maxHalfOpenConnections: options.maxHalfOpenConnections }),
    ...(options.statelessResetKey === undefined ? {} : { statelessResetKey: options.statelessResetKey }),
    server: {
      provider,
      random,
      alpnProtocols: options.alpnProtocols,
      cipherSuites: cipherSuitesFor(protector),
      credential: credentialOf(options.certificate, provider, random),
      ...(options.groups === undefined ? {} : { groups: options.groups }),
      ...(options.clientCertificates === undefined
        ? {}
        : { clientAuthentication: authenticationOf(options.clientCertificates) }),
      ...(resumption === false ? {} : { resumption: resumptionOf(resumption, provider, random) }),
      ...(options.keyLog === undefined ? {} : { keyLog: options.keyLog }),
    },
  };
}

function authenticationOf({ roots, required = true, judge }: ClientCertificateOptions): ClientAuthentication {
  return { roots, isRequired: required, judgePeerChain: judge !== undefined };
}

function resumptionOf(options: ResumptionOptions, provider: CryptoProvider, random: Random): Resumption {
  const { tickets = new SealedTickets({ provider, random }), ticketCount, lifetime } = options;
  return {
    tickets,
    ...(ticketCount === undefined ? {} : { ticketCount }),
    ...(lifetime === undefined ? {} : { lifetime }),
  };
}
