import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import {
  TLS_AES_128_GCM_SHA256,
  TLS_AES_256_GCM_SHA384,
  decodeClientSession,
  decodeServerSession,
  encodeClientSession,
  encodeServerSession,
} from '../../src/index.ts';
import { DAY, clientSession, serverSession } from '../support/sample-sessions.ts';

const test = suite('sessions as bytes');
const SEED = Number(process.env['SEED'] ?? 52);

/** The two kinds under one shape. */
const KINDS = [
  {
    kind: 'server',
    sample: (seed: number) => encodeServerSession(serverSession(seed)) as Uint8Array,
    /** Decoded and encoded again. */
    recode: (data: Uint8Array) => {
      const session = decodeServerSession(data);
      return session === undefined ? undefined : encodeServerSession(session);
    },
  },
  {
    kind: 'client',
    sample: (seed: number) => encodeClientSession(clientSession(seed)) as Uint8Array,
    recode: (data: Uint8Array) => {
      const session = decodeClientSession(data);
      return session === undefined ? undefined : encodeClientSession(session);
    },
  },
];

test('a server session comes back as it was, with and without its optional parts', () => {
  const variants = [
    serverSession(1),
    serverSession(2, {
      serverName: undefined,
      peerIdentity: undefined,
      peerCertificate: undefined,
      authenticationContext: new Uint8Array(0),
    }),
    serverSession(3, { peerIdentity: '', earlyDataContext: new Uint8Array(0), isEarlyDataAllowed: false }),
    // Every string is an identity, and another string is another one: lone surrogates as well.
    serverSession(4, { peerIdentity: 'Zähler №7 🌡 \ud800' }),
    serverSession(5, { ticketAgeAdd: 0xffff_ffff, issuedAt: 0, expiresAt: 7 * DAY }),
    serverSession(6, { ticketAgeAdd: 0, expiresAt: TEST_UNIX_TIME }),
  ];
  for (const session of variants) {
    const encoded = encodeServerSession(session);
    assert.ok(encoded !== undefined);
    assert.equal(decodeServerSession(encoded as Uint8Array), session);
  }
});

test('a client session comes back as it was', () => {
  const variants = [
    clientSession(1),
    clientSession(2, { peerExtensions: [], peerCertificates: [], maxEarlyDataSize: 0 }),
    clientSession(3, { serverName: '2001:db8::1', alpnProtocol: '', ticket: Uint8Array.of(1) }),
  ];
  for (const session of variants) {
    const encoded = encodeClientSession(session);
    assert.ok(encoded !== undefined);
    assert.equal(decodeClientSession(encoded as Uint8Array), session);
  }
});

test('what comes back lives by itself: bytes that are overwritten later, in a Buffer too, do not change it', () => {
  const server = Buffer.from(encodeServerSession(serverSession(1)) as Uint8Array);
  const decodedServer = decodeServerSession(server);
  server.fill(0xee);
  assert.equal(decodedServer, serverSession(1));
  const client = Buffer.from(encodeClientSession(clientSession(1)) as Uint8Array);
  const decodedClient = decodeClientSession(client);
  client.fill(0xee);
  assert.equal(decodedClient, clientSession(1));
});

test('times are rounded down to milliseconds', () => {
  const encoded = encodeServerSession(serverSession(1, { issuedAt: 1000.9, expiresAt: 2000.2 })) as Uint8Array;
  const session = decodeServerSession(encoded);
  assert.is(session?.issuedAt, 1000);
  assert.is(session?.expiresAt, 2000);
});

for (const { kind, sample, recode } of KINDS) {
  test(`a ${kind} session that was cut anywhere, or goes on, is none`, () => {
    const data = sample(1);
    for (let length = 0; length < data.length; length++) assert.is(recode(data.subarray(0, length)), undefined);
    assert.is(recode(Uint8Array.of(...data, 0)), undefined);
    assert.equal(recode(data), data);
  });

  test(`of a ${kind} session, another version is none`, () => {
    const data = sample(1);
    for (let version = 0; version < 256; version++) {
      data[0] = version;
      assert.is(recode(data) !== undefined, version === 1, `version ${version}`);
    }
  });

  test(`whatever is done to the bytes of a ${kind} session, it is none or one that is written just so`, () => {
    const random = seededRandom(SEED);
    let kept = 0;
    for (let round = 0; round < 4000; round++) {
      const data = sample(random.integer(5));
      for (let changes = 1 + random.integer(3); changes > 0; changes--)
        data[random.integer(data.length)] = random.chance(0.5) ? random.integer(256) : random.pick([0, 1, 0xff]);
      const again = recode(data);
      if (again === undefined) continue;
      kept++;
      assert.equal(again, data, `seed ${SEED}, round ${round}`);
    }
    // Most of the bytes are content.
    assert.ok(kept > 1000, `only ${kept} were read`);
  });

  test(`random bytes after the version of a ${kind} session never throw`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const data = Uint8Array.of(1, ...bytes);
        const again = recode(data);
        if (again !== undefined) assert.equal(again, data);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
}

test('a key that does not suit the cipher suite, or an unknown suite, is no session', () => {
  const bad = [
    { cipherSuite: TLS_AES_128_GCM_SHA256.id, secret: new Uint8Array(48) },
    { cipherSuite: TLS_AES_256_GCM_SHA384.id, secret: new Uint8Array(32) },
    { cipherSuite: TLS_AES_128_GCM_SHA256.id, secret: new Uint8Array(0) },
    { cipherSuite: 0x1304, secret: new Uint8Array(32) },
  ];
  for (const overrides of bad) {
    assert.is(decodeServerSession(encodeServerSession(serverSession(1, overrides)) as Uint8Array), undefined);
    assert.is(decodeClientSession(encodeClientSession(clientSession(1, overrides)) as Uint8Array), undefined);
  }
});

test('a session that lives for more than seven days, or ends before it starts, is none', () => {
  for (const [lifetime, isGood] of [
    [7 * DAY, true],
    [7 * DAY + 1, false],
    [0, true],
    [-1, false],
    [2 ** 50, false],
  ] as const) {
    const expiresAt = TEST_UNIX_TIME + lifetime;
    const server = encodeServerSession(serverSession(1, { expiresAt })) as Uint8Array;
    assert.is(decodeServerSession(server) !== undefined, isGood, `${lifetime} ms`);
    const client = encodeClientSession(clientSession(1, { expiresAt })) as Uint8Array;
    assert.is(decodeClientSession(client) !== undefined, isGood, `${lifetime} ms`);
  }
});

test('sizes are bounded, whatever is large', () => {
  assert.ok(encodeServerSession(serverSession(1, { peerCertificate: new Uint8Array(3500) })));
  for (const length of [4096, 65_535, 65_536, 100_000])
    assert.is(encodeServerSession(serverSession(1, { peerCertificate: new Uint8Array(length) })), undefined);
  const large = new Uint8Array(65_535);
  assert.ok(encodeClientSession(clientSession(1, { ticket: new Uint8Array(30_000) })));
  for (const overrides of [
    { ticket: large },
    { peerCertificates: [large] },
    { peerExtensions: Array.from({ length: 40_000 }, () => ({ type: 1, data: new Uint8Array(0) })) },
    {
      peerExtensions: [
        { type: 1, data: large },
        { type: 2, data: large },
      ],
    },
    { peerCertificates: Array.from({ length: 300 }, () => large) },
  ])
    assert.is(encodeClientSession(clientSession(1, overrides)), undefined);
  assert.is(decodeServerSession(new Uint8Array(1_000_000)), undefined);
  assert.is(decodeClientSession(new Uint8Array(1_000_000)), undefined);
});

test('a client session with more certificates than a chain may have is none', () => {
  const certificates = (count: number): Uint8Array[] => Array.from({ length: count }, () => Uint8Array.of(0x30));
  for (const count of [10, 11]) {
    const encoded = encodeClientSession(clientSession(1, { peerCertificates: certificates(count) })) as Uint8Array;
    assert.is(decodeClientSession(encoded) !== undefined, count === 10);
  }
});

test.run();
