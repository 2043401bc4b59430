/**
 * RFC 8448: CertificateVerify. The RSA keys have 1,024 bits, which our providers refuse, so node:crypto judges those
 * signatures; ours judge the one with ECDSA.
 */
import {
  X509Certificate,
  constants,
  createHash,
  privateEncrypt,
  publicDecrypt,
  verify,
  type KeyObject,
} from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TlsError } from '../../src/errors.ts';
import { readCertificateVerify, signatureContent } from '../../src/messages/certificate-verify.ts';
import { readCertificate } from '../../src/messages/certificate.ts';
import { nodeRandom } from '../../src/node/index.ts';
import { SignatureScheme } from '../../src/provider.ts';
import { concat, toHex } from '../support/bytes.ts';
import {
  PROVIDERS,
  body,
  clientAuthentication,
  compatibility,
  hashThrough,
  retry,
  serverRsaKey,
  simple,
  type Trace,
} from '../support/rfc8448.ts';

interface Signed {
  readonly trace: Trace;
  readonly role: 'client' | 'server';
  readonly certificate: string;
  readonly certificateVerify: string;
}

const ofServer = { role: 'server', certificate: 'certificate', certificateVerify: 'certificateVerify' } as const;
const ofClient = {
  role: 'client',
  certificate: 'clientCertificate',
  certificateVerify: 'clientCertificateVerify',
} as const;
const RSA_SIGNED: readonly Signed[] = [
  { trace: simple, ...ofServer },
  { trace: retry, ...ofServer },
  { trace: compatibility, ...ofServer },
  { trace: clientAuthentication, ...ofClient },
];
const SALT_LENGTH = 32;
const test = suite('RFC 8448 CertificateVerify');

function publicKey({ trace, certificate }: Signed): KeyObject {
  const [entry] = readCertificate(body(trace, certificate)).certificateList;
  return new X509Certificate(entry?.certData as Uint8Array).publicKey;
}

function publicKeyInfo(signed: Signed): Uint8Array {
  return new Uint8Array(publicKey(signed).export({ format: 'der', type: 'spki' }));
}

for (const { provider } of PROVIDERS) {
  for (const signed of RSA_SIGNED) {
    const { trace, role, certificate, certificateVerify } = signed;
    const { algorithm, signature } = readCertificateVerify(body(trace, certificateVerify));
    // RFC 8446 §4.4.3: over everything up to the certificate of the one who signs.
    const content = signatureContent(role, hashThrough(provider, trace, certificate));

    test(`${provider.name}, ${trace.name}: the ${role} signed what we make of its transcript and nothing else`, () => {
      assert.is(algorithm, SignatureScheme.RSA_PSS_RSAE_SHA256);
      const key = {
        key: publicKey(signed),
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: SALT_LENGTH,
      };
      assert.ok(verify('sha256', content, key, signature));
      const otherRole = role === 'client' ? 'server' : 'client';
      assert.not(
        verify('sha256', signatureContent(otherRole, hashThrough(provider, trace, certificate)), key, signature),
      );
      for (const last of ['serverHello', certificateVerify])
        assert.not(verify('sha256', signatureContent(role, hashThrough(provider, trace, last)), key, signature));
    });

    test(`${provider.name}, ${trace.name}: it will not take the ${role}'s key of 1,024 bits`, () => {
      assert.not(provider.verify(publicKeyInfo(signed), SignatureScheme.RSA_PSS_RSAE_SHA256, content, signature));
    });

    if (role === 'server')
      test(`${provider.name}, ${trace.name}: with the salt in it, the server's key gives its signature again`, () => {
        const key = { key: serverRsaKey(), padding: constants.RSA_NO_PADDING };
        const encoded = publicDecrypt({ key: publicKey(signed), padding: constants.RSA_NO_PADDING }, signature);
        const salt = pssSalt(encoded);
        assert.is(toHex(privateEncrypt(key, pssEncode(content, salt))), toHex(signature));
        assert.is.not(toHex(privateEncrypt(key, pssEncode(content.subarray(1), salt))), toHex(signature));
      });
  }

  test(`${provider.name}: the ECDSA signature of the server that asks for a certificate`, () => {
    const signed: Signed = { trace: clientAuthentication, ...ofServer };
    const { algorithm, signature } = readCertificateVerify(body(clientAuthentication, 'certificateVerify'));
    assert.is(algorithm, SignatureScheme.ECDSA_SECP256R1_SHA256);
    const isGood = (content: Uint8Array): boolean =>
      provider.verify(publicKeyInfo(signed), SignatureScheme.ECDSA_SECP256R1_SHA256, content, signature);
    const transcriptHash = hashThrough(provider, clientAuthentication, 'certificate');
    assert.ok(isGood(signatureContent('server', transcriptHash)));
    assert.not(isGood(signatureContent('client', transcriptHash)));
    assert.not(isGood(signatureContent('server', hashThrough(provider, clientAuthentication, 'certificateRequest'))));
  });

  test(`${provider.name}: the server's RSA key cannot be imported for signing`, () => {
    const pkcs8 = new Uint8Array(serverRsaKey().export({ format: 'der', type: 'pkcs8' }));
    assert.throws(
      () => provider.importSigningKey(pkcs8, nodeRandom),
      (error: unknown) =>
        error instanceof TlsError && error.code === 'ERR_TLS_KEY_UNSUPPORTED' && error.message.includes('1024 bits'),
    );
  });
}

/** MGF1 with SHA-256 (RFC 8017 B.2.1). */
function mask(seed: Uint8Array, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, counter) =>
    sha256(seed, Uint8Array.of(0, 0, 0, counter)),
  );
  return concat(...blocks).subarray(0, length);
}

/** The salt in a PSS encoding (RFC 8017 §9.1.2, steps 5 to 11). */
function pssSalt(encoded: Uint8Array): Uint8Array {
  const maskedBlock = encoded.subarray(0, encoded.length - 33);
  const unmasked = xor(maskedBlock, mask(encoded.subarray(maskedBlock.length, encoded.length - 1), maskedBlock.length));
  return unmasked.subarray(unmasked.length - SALT_LENGTH);
}

/** EMSA-PSS-ENCODE for a modulus of 1,024 bits (RFC 8017 §9.1.1). */
function pssEncode(content: Uint8Array, salt: Uint8Array): Uint8Array {
  const hash = sha256(new Uint8Array(8), sha256(content), salt);
  const block = new Uint8Array(128 - 33);
  block[block.length - SALT_LENGTH - 1] = 1;
  block.set(salt, block.length - SALT_LENGTH);
  const masked = xor(block, mask(hash, block.length));
  masked[0] = (masked[0] as number) & 0x7f;
  return concat(masked, hash, Uint8Array.of(0xbc));
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(concat(...parts))
      .digest(),
  );
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] as number));
}

test.run();
