/** Client certificates over TLS: asked for by node:tls, which also sees to it that the client has the key, and judged by the same code as over QUIC. */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificateOptions, SocketAddress } from '@mquictt/quic-node';
import { nodeProvider } from '@mquictt/quic-node';
import { verifyChain } from '@mquictt/tls13';

/** What is known of a client by its certificate. */
export interface Client {
  readonly identity: string | undefined;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

export const ANONYMOUS: Client = { identity: undefined, certificates: [] };

/**
 * @returns who the client is
 * @throws TlsError, or what the judge throws: the client is refused
 */
export async function authenticate(
  socket: TLSSocket,
  { roots, required = true, judge }: ClientCertificateOptions,
  remoteAddress: SocketAddress,
): Promise<Client> {
  const chain = presentedChain(socket);
  if (chain.length === 0) {
    if (required) throw new Error('The client presented no certificate, and one is required here');
    return ANONYMOUS;
  }
  const { path } = verifyChain({ provider: nodeProvider, chain, roots, purpose: 'client', unixTime: Date.now() });
  const identity = await judge?.({ chain, path, ocspResponse: undefined }, remoteAddress);
  if (identity !== undefined && identity !== null && typeof identity !== 'string')
    throw new TypeError(`judge expected to give a string or undefined, got ${typeof identity}`);
  return { identity: identity ?? undefined, certificates: chain };
}

/** What the client sent, leaf first: Node gives it as a list linked by issuers, which ends with one that issued itself. */
function presentedChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  const seen = new Set<DetailedPeerCertificate>();
  // Without a certificate there is an object without properties.
  while (certificate?.raw !== undefined && !seen.has(certificate)) {
    seen.add(certificate);
    chain.push(new Uint8Array(certificate.raw));
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
