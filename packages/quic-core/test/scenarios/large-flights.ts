/** First flights of any size: a ClientHello grows with ALPN names, a server's flight with surplus certificates. */
import {
  buildCertificate,
  der,
  seededRandom,
  testCertificatePem,
  testCredential,
  testKeyPairFromPkcs8,
} from '@mquictt/testkit';
import { nobleProvider, readPrivateKeyPem, type Credential } from '@mquictt/tls13';

/** Bytes of CRYPTO in a datagram of 1,200 bytes. */
const CRYPTO_PER_DATAGRAM = 1_150;
const NAME_LENGTH = 200;

/** @returns ALPN names, 'test' the first, that make a ClientHello with the share of a small group fill so many datagrams */
export function alpnFor(datagrams: number): readonly string[] {
  const names = Math.ceil(((datagrams - 1) * CRYPTO_PER_DATAGRAM) / NAME_LENGTH);
  return ['test', ...Array.from({ length: names }, (_, i) => `${i}-`.padEnd(NAME_LENGTH - 1, 'x'))];
}

/** @returns a credential whose Certificate message has about so many bytes: the chain, and certificates that nobody needs */
export function credentialOf(bytes: number): Credential {
  const credential = testCredential('ecdsa-p256', nobleProvider, seededRandom(1));
  const key = testKeyPairFromPkcs8(readPrivateKeyPem(testCertificatePem('ed25519').keyPem));
  const chain = [...credential.chain];
  let missing = bytes - chain.reduce((sum, certificate) => sum + certificate.length, 0);
  for (let i = 0; missing > 0; i++) {
    const value = der.derOctetString(new Uint8Array(Math.max(1, Math.min(4_000, missing - 300))));
    const surplus = buildCertificate({
      subject: `surplus ${i}`,
      key,
      extensions: [{ oid: '1.3.6.1.4.1.55555.1', value }],
    });
    chain.push(surplus);
    missing -= surplus.length;
  }
  return { ...credential, chain };
}
