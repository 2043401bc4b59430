import { performance } from 'node:perf_hooks';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CA_P256,
  TEST_UNIX_TIME,
  buildCertificate,
  der,
  seededRandom,
  testCertificatePem,
  testRoots,
} from '@mquictt/testkit';
import { Alert, RootStore, TlsError, parseCertificate, readCertificatesPem, verifyChain } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { readPublicKeyInfo } from '../../src/public-key.ts';
import { assertRefused, keyFor } from '../support/chains.ts';

/** Certificates are the largest thing a stranger hands us: whatever they hold, the answer is a TlsError, and soon. */
const test = suite('hostile certificates');
const SEED = Number(process.env['SEED'] ?? 41);

const samples = (['ecdsa-p256', 'ed25519', 'rsa-2048', 'rsa-chain'] as const).flatMap((kind) =>
  readCertificatesPem(testCertificatePem(kind).certificatePem),
);

/** @returns ms. The first certificate is the leaf. */
function assertOnlyTlsErrors(chain: readonly Uint8Array[], hint: string): number {
  const start = performance.now();
  try {
    verifyChain({
      provider: nodeProvider,
      chain,
      roots: testRoots(),
      purpose: 'server',
      serverName: 'localhost',
      unixTime: TEST_UNIX_TIME,
    });
  } catch (error) {
    assert.instance(error, TlsError, `${hint}: ${String(error)}`);
    const { fault, message } = error as TlsError;
    assert.is(fault, 'peer', `${hint} is blamed on us: ${message}`);
  }
  return performance.now() - start;
}

test('random mutations: bytes changed, cut out, doubled', () => {
  const random = seededRandom(SEED);
  let slowest = 0;
  for (let round = 0; round < 3000; round++) {
    let bytes: Uint8Array = random.pick(samples).slice();
    for (let count = 1 + random.integer(4); count > 0; count--) {
      const at = random.integer(bytes.length);
      const span = random.integer(12);
      const kind = random.integer(4);
      if (kind === 0) bytes[at] = random.integer(256);
      else if (kind === 1) bytes[at] ^= 1 << random.integer(8);
      else if (kind === 2) bytes = der.concat([bytes.subarray(0, at), bytes.subarray(at + span)]);
      else bytes = der.concat([bytes.subarray(0, at + span), bytes.subarray(at)]);
      if (bytes.length === 0) bytes = Uint8Array.of(0x30);
    }
    const intermediate = random.chance(0.5) ? [random.pick(samples)] : [];
    slowest = Math.max(slowest, assertOnlyTlsErrors([bytes, ...intermediate], `SEED=${SEED}, round ${round}`));
  }
  assert.ok(slowest < 500, `one took ${slowest} ms, SEED=${SEED}`);
});

test('every truncation', () => {
  for (const sample of samples)
    for (let length = 0; length < sample.length; length++)
      assertRefused(
        () => parseCertificate(sample.subarray(0, length)),
        'ERR_TLS_CERTIFICATE_INVALID',
        Alert.BAD_CERTIFICATE,
        /malformed/,
      );
});

test('bytes behind the end', () => {
  for (const sample of samples)
    assertRefused(
      () => parseCertificate(der.concat([sample, Uint8Array.of(0)])),
      'ERR_TLS_CERTIFICATE_INVALID',
      Alert.BAD_CERTIFICATE,
      /malformed: Bytes follow/,
    );
});

test('noise', () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < 500; round++) {
    const bytes = random.bytes(random.integer(300));
    if (random.chance(0.7) && bytes.length > 2) bytes.set([0x30, Math.min(0x7f, bytes.length - 2)]);
    assertOnlyTlsErrors([bytes], `SEED=${SEED}, round ${round}`);
  }
});

test('nesting, counts and lengths meant to cost something', () => {
  const nested = (depth: number): Uint8Array => {
    let bytes: Uint8Array = new Uint8Array(0);
    for (let i = 0; i < depth; i++) bytes = der.derSequence(bytes);
    return bytes;
  };
  const attacks: Record<string, Uint8Array> = {
    'nested to the end': nested(10_000),
    'nested 33 times': nested(40),
    'nested 31 times': nested(31),
    'thirty thousand elements': der.derSequence(new Uint8Array(60_000)),
    'indefinite length': Uint8Array.of(0x30, 0x80, 0x00, 0x00),
    'length of lengths': Uint8Array.from([0x30, 0xff, ...new Uint8Array(127)]),
    'four gigabytes': Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff),
    'long form of a short length': Uint8Array.of(0x30, 0x81, 0x01, 0x00),
    'leading zero in a length': Uint8Array.from([0x30, 0x82, 0x00, 0x80, ...new Uint8Array(128)]),
    'high tag number': Uint8Array.of(0x3f, 0x81, 0x00, 0x00),
    'an empty sequence': Uint8Array.of(0x30, 0x00),
    nothing: new Uint8Array(0),
    'too large': new Uint8Array(65_537),
  };
  for (const [name, bytes] of Object.entries(attacks)) {
    const start = performance.now();
    assertRefused(() => parseCertificate(bytes), 'ERR_TLS_CERTIFICATE_INVALID', Alert.BAD_CERTIFICATE, /./);
    assert.ok(performance.now() - start < 200, name);
  }
});

test('extensions whose value is something else', () => {
  const sample = samples[0] as Uint8Array;
  const oids = ['551d13', '551d0f', '551d25', '551d11', '551d0e', '551d23'];
  const hex = Buffer.from(sample).toString('hex');
  const random = seededRandom(SEED);
  for (const oid of oids) {
    const at = hex.indexOf(`0603${oid}`) / 2 + 5;
    for (let round = 0; round < 200; round++) {
      const bytes = sample.slice();
      for (let i = 0; i < 1 + random.integer(3); i++) bytes[at + random.integer(14)] = random.integer(256);
      assertOnlyTlsErrors([bytes], `SEED=${SEED}, ${oid}, round ${round}`);
    }
  }
});

test('a sound frame around BER, nesting or a crowd', () => {
  const sound = { key: keyFor('frame') };
  let nested = der.derSequence();
  for (let depth = 0; depth < 40; depth++) nested = der.derSequence(nested);
  const rows: [Uint8Array, RegExp][] = [
    [nested, /nested too deeply/],
    [der.derSequence(Uint8Array.of(0x31, 0x80, 0, 0)), /indefinite/],
    [der.derSequence(Uint8Array.of(0x31, 0x81, 0x00)), /shortest form/],
    [der.derSequence(new Uint8Array(20_000)), /too many elements/],
  ];
  for (const [subjectDer, sentence] of rows)
    assertRefused(
      () => parseCertificate(buildCertificate({ ...sound, subjectDer })),
      'ERR_TLS_CERTIFICATE_INVALID',
      Alert.BAD_CERTIFICATE,
      sentence,
    );
});

test('RSA keys meant to cost something', () => {
  // A public key of 8,193 bits, and one with an exponent as long as its modulus.
  const key = (modulusLength: number, exponentLength: number): Uint8Array => {
    const number = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length).fill(0xff);
      return der.derInteger(bytes);
    };
    const rsa = der.derSequence(number(modulusLength), number(exponentLength));
    const algorithm = der.derSequence(der.derOid('1.2.840.113549.1.1.1'), der.derNull());
    return der.derSequence(algorithm, der.derBitString(rsa));
  };
  const rows: [number, number, RegExp][] = [
    [1025, 3, /has 8200 bits where RSA may have 8192/],
    [256, 256, /unusable RSA modulus or exponent/],
    [256, 5, /unusable RSA modulus or exponent/],
    [1, 1, /has only 8 bits/],
    [255, 3, /has only 2040 bits/],
  ];
  for (const [modulusLength, exponentLength, problem] of rows) {
    const spki = key(modulusLength, exponentLength);
    assert.match(String(readPublicKeyInfo(spki)), problem);
    assert.is(nodeProvider.verify(spki, 0x0401, new Uint8Array(10), new Uint8Array(1025)), false);
  }
  assert.type(readPublicKeyInfo(key(1024, 4)), 'object');
});

test('a root store is not taken in by a certificate that is none', () => {
  assertRefused(
    () => new RootStore([Uint8Array.of(1, 2, 3)]),
    'ERR_TLS_CONFIG',
    Alert.INTERNAL_ERROR,
    /Root certificate 0/,
  );
  const [ca] = readCertificatesPem(CA_P256.certificatePem) as [Uint8Array];
  assertRefused(
    () => new RootStore([ca, ca.subarray(0, 100)]),
    'ERR_TLS_CONFIG',
    Alert.INTERNAL_ERROR,
    /Root certificate 1/,
  );
});

test.run();
