/** RFC 8448: its RSA certificates are refused for their key of 1,024 bits, whoever vouches for them. */
import { testKeyPairFromPkcs8 } from '@mquictt/testkit';
import { suite } from 'uvu';
import { Alert, RootStore, verifyChain } from '../../src/index.ts';
import type { VerifyChainOptions } from '../../src/index.ts';
import { readCertificate } from '../../src/messages/certificate.ts';
import { assertRefused, leaf } from '../support/chains.ts';
import { PROVIDERS, body, clientAuthentication, serverRsaKey, simple } from '../support/rfc8448.ts';

/** All of the RFC's certificates are valid from 30 July 2016 to 30 July 2026. */
const UNIX_TIME = Date.UTC(2020, 0, 2);
const TOO_SMALL = /cannot be used: its key has only 1024 bits where RSA needs 2048$/;
const { UNSUPPORTED_CERTIFICATE } = Alert;

function certificateOf(trace: typeof simple, name: string): Uint8Array {
  return readCertificate(body(trace, name)).certificateList[0]?.certData as Uint8Array;
}

const server = certificateOf(simple, 'certificate');
const client = certificateOf(clientAuthentication, 'clientCertificate');
const ecdsaServer = certificateOf(clientAuthentication, 'certificate');

const test = suite('RFC 8448 certificates');

for (const { provider } of PROVIDERS) {
  const verify = (chain: Uint8Array[], roots: Uint8Array[], options: Partial<VerifyChainOptions> = {}): unknown =>
    verifyChain({
      provider,
      chain,
      roots: new RootStore(roots),
      purpose: 'server',
      serverName: 'server',
      unixTime: UNIX_TIME,
      ...options,
    });
  const refused = (action: () => unknown, sentence: RegExp): void =>
    assertRefused(action, 'ERR_TLS_CERTIFICATE_INVALID', UNSUPPORTED_CERTIFICATE, sentence, ['weak-key']);

  test(`${provider.name}: the server's`, () => {
    refused(() => verify([server], []), TOO_SMALL);
    refused(() => verify([server], []), /^Certificate "CN=rsa" /);
  });

  test(`${provider.name}: the server's, where it is the root itself`, () => {
    refused(() => verify([server], [server]), TOO_SMALL);
    refused(() => verify([server, server], [server]), TOO_SMALL);
  });

  test(`${provider.name}: the client's, also where it is the root itself`, () => {
    refused(() => verify([client], [], { purpose: 'client' }), TOO_SMALL);
    refused(() => verify([client], [client], { purpose: 'client' }), /^Certificate "CN=client" .* 1024 bits/);
  });

  test(`${provider.name}: what the server's key signs, with its certificate as root`, () => {
    const pkcs8 = new Uint8Array(serverRsaKey().export({ format: 'der', type: 'pkcs8' }));
    const issuer = { subject: 'rsa', key: testKeyPairFromPkcs8(pkcs8), der: server };
    // The RFC writes its names as PrintableString, our test as UTF8String: they are equal (RFC 5280 §7.1).
    const issued = leaf(issuer, ['server']);
    refused(() => verify([issued.der], [server]), /^Certificate "CN=rsa" .* 1024 bits/);
    refused(() => verify([issued.der, server], [server]), /^Certificate "CN=rsa" .* 1024 bits/);
  });

  test(`${provider.name}: the ECDSA certificate is refused for other reasons: nobody vouches for it, and it names no host`, () => {
    assertRefused(
      () => verify([ecdsaServer], []),
      'ERR_TLS_CERTIFICATE_UNKNOWN_CA',
      Alert.UNKNOWN_CA,
      /is self-signed and no authority vouches for it/,
      ['unknown-issuer'],
    );
    assertRefused(
      () => verify([ecdsaServer], [ecdsaServer]),
      'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
      Alert.BAD_CERTIFICATE,
      /for no DNS name and no IP address/,
      ['name'],
    );
  });
}

test.run();
