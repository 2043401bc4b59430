import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { Reader } from '../src/cursor.ts';
import { TransportError, TransportErrorCode } from '../src/errors.ts';
import {
  DEFAULT_TRANSPORT_PARAMETERS,
  decodeTransportParameters,
  encodeTransportParameters,
} from '../src/transport-parameters.ts';
import type { TransportParameters } from '../src/transport-parameters.ts';
import { check, fc } from './support/property.ts';
import { fromHex, toHex } from './support/vectors.ts';

const test = suite('transport parameters');

const decode = (hex: string, fromClient = false): TransportParameters =>
  decodeTransportParameters(fromHex(hex), fromClient);

function refused(hex: string, fromClient = false): void {
  assert.throws(
    () => decode(hex, fromClient),
    (error: unknown) =>
      error instanceof TransportError && error.errorCode === TransportErrorCode.TRANSPORT_PARAMETER_ERROR,
    hex,
  );
}

const TOKEN = '000102030405060708090a0b0c0d0e0f';
const ADDRESS = `7f000001 1f90 ${'00'.repeat(15)}01 1f91 04 01020304 ${TOKEN}`;

/** Each parameter of RFC 9000 §18.2: id, length and value, and what it means. */
const FIXTURES: readonly (readonly [string, Partial<TransportParameters>])[] = [
  ['00 02 abcd', { originalDestinationConnectionId: fromHex('abcd') }],
  ['01 04 80007530', { maxIdleTimeout: 30_000 }],
  [`02 10 ${TOKEN}`, { statelessResetToken: fromHex(TOKEN) }],
  ['03 02 44b0', { maxUdpPayloadSize: 1200 }],
  ['04 04 80100000', { initialMaxData: 1_048_576 }],
  ['05 01 01', { initialMaxStreamDataBidiLocal: 1 }],
  ['06 01 02', { initialMaxStreamDataBidiRemote: 2 }],
  ['07 01 03', { initialMaxStreamDataUni: 3 }],
  ['08 02 4064', { initialMaxStreamsBidi: 100 }],
  ['09 02 4065', { initialMaxStreamsUni: 101 }],
  ['0a 01 14', { ackDelayExponent: 20 }],
  ['0b 02 7fff', { maxAckDelay: 16_383 }],
  ['0c 00', { disableActiveMigration: true }],
  [
    `0d 2d ${ADDRESS}`,
    {
      preferredAddress: {
        ipv4Address: fromHex('7f000001'),
        ipv4Port: 8080,
        ipv6Address: fromHex(`${'00'.repeat(15)}01`),
        ipv6Port: 8081,
        connectionId: fromHex('01020304'),
        statelessResetToken: fromHex(TOKEN),
      },
    },
  ],
  ['0e 01 08', { activeConnectionIdLimit: 8 }],
  ['0f 00', { initialSourceConnectionId: new Uint8Array(0) }],
  ['10 01 ff', { retrySourceConnectionId: fromHex('ff') }],
];

for (const [hex, expected] of FIXTURES) {
  const [name] = Object.keys(expected) as [keyof TransportParameters];

  test(`${name} is decoded`, () => {
    assert.equal(decode(hex), { ...DEFAULT_TRANSPORT_PARAMETERS, ...expected });
  });

  test(`${name} is encoded`, () => {
    const random = seededRandom(1);
    const encoded = toHex(encodeTransportParameters({ ...DEFAULT_TRANSPORT_PARAMETERS, ...expected }, random));
    const plain = hex.replaceAll(' ', '');
    assert.is(encoded.slice(0, plain.length), plain);
  });

  test(`${name} is refused twice, cut short, or longer than it is`, () => {
    const bytes = fromHex(hex);
    refused(hex + hex);
    for (let length = 1; length < bytes.length; length++) refused(toHex(bytes.subarray(0, length)));
    if (bytes.length > 2 && !name.endsWith('ConnectionId')) {
      const longer = bytes.slice();
      longer[1]! += 1;
      refused(`${toHex(longer)}00`);
      const shorter = bytes.slice(0, -1);
      shorter[1]! -= 1;
      refused(toHex(shorter));
    }
  });
}

test('nothing means the defaults', () => {
  assert.equal(decode(''), DEFAULT_TRANSPORT_PARAMETERS);
});

test('values out of range are refused, those at the edge are not', () => {
  refused('03 02 44af');
  refused('0a 01 15');
  refused('0b 04 80004000');
  refused('0e 01 01');
  refused('0c 01 00');
  decode('08 08 d000000000000000');
  refused('08 08 d000000000000001');
  decode('09 08 d000000000000000');
  refused('09 08 ffffffffffffffff');
  assert.is(decode('04 08 ffffffffffffffff').initialMaxData, Number.MAX_SAFE_INTEGER);
  assert.is(decode('01 08 ffffffffffffffff').maxIdleTimeout, Number.MAX_SAFE_INTEGER);
  refused(`00 15 ${'00'.repeat(21)}`);
  refused(`0f 15 ${'00'.repeat(21)}`);
  refused(`10 15 ${'00'.repeat(21)}`);
});

test('preferred addresses without or with too long a connection ID are refused', () => {
  refused(`0d 29 7f000001 1f90 ${'00'.repeat(16)} 1f91 00 ${TOKEN}`);
  refused(`0d 3e 7f000001 1f90 ${'00'.repeat(16)} 1f91 15 ${'01'.repeat(21)} ${TOKEN}`);
  decode(`0d 3d 7f000001 1f90 ${'00'.repeat(16)} 1f91 14 ${'01'.repeat(20)} ${TOKEN}`);
});

test('what only servers send is refused from a client', () => {
  for (const [hex, expected] of FIXTURES) {
    const isServerOnly = [
      'originalDestinationConnectionId',
      'statelessResetToken',
      'preferredAddress',
      'retrySourceConnectionId',
    ].includes(Object.keys(expected)[0]!);
    if (isServerOnly) refused(hex, true);
    else decode(hex, true);
  }
});

test('unknown parameters are skipped, but not twice the same', () => {
  assert.equal(decode('4039 03 010203 1b 00 0a 01 04'), { ...DEFAULT_TRANSPORT_PARAMETERS, ackDelayExponent: 4 });
  refused('1b 00 1b 00');
  // Two different ids beyond what a number can tell apart.
  decode('ffffffffffffff00 00 ffffffffffffff01 00');
});

test('encoded parameters come back', () => {
  const limit = fc.maxSafeNat();
  const cid = fc.uint8Array({ maxLength: 20 });
  const token = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const port = fc.nat(65_535);
  const parameters = fc.record<TransportParameters>(
    {
      originalDestinationConnectionId: fc.option(cid, { nil: undefined }),
      maxIdleTimeout: limit,
      statelessResetToken: fc.option(token, { nil: undefined }),
      maxUdpPayloadSize: fc.integer({ min: 1200, max: 65_527 }),
      initialMaxData: limit,
      initialMaxStreamDataBidiLocal: limit,
      initialMaxStreamDataBidiRemote: limit,
      initialMaxStreamDataUni: limit,
      initialMaxStreamsBidi: limit,
      initialMaxStreamsUni: limit,
      ackDelayExponent: fc.nat(20),
      maxAckDelay: fc.nat(16_383),
      disableActiveMigration: fc.boolean(),
      preferredAddress: fc.option(
        fc.record(
          {
            ipv4Address: fc.uint8Array({ minLength: 4, maxLength: 4 }),
            ipv4Port: port,
            ipv6Address: token,
            ipv6Port: port,
            connectionId: fc.uint8Array({ minLength: 1, maxLength: 20 }),
            statelessResetToken: token,
          },
          { noNullPrototype: true },
        ),
        { nil: undefined },
      ),
      activeConnectionIdLimit: fc.integer({ min: 2, max: 1000 }),
      initialSourceConnectionId: fc.option(cid, { nil: undefined }),
      retrySourceConnectionId: fc.option(cid, { nil: undefined }),
    },
    { noNullPrototype: true },
  );
  check(
    fc.property(parameters, fc.nat(), (expected, seed) => {
      const random = seededRandom(seed);
      const encoded = encodeTransportParameters(expected, random);
      assert.equal(decodeTransportParameters(encoded, false), expected);
    }),
  );
});

test('each connection announces another reserved parameter', () => {
  const random = seededRandom(3);
  const ids = new Set<number>();
  for (let i = 0; i < 50; i++) {
    // With the defaults there is no other.
    const encoded = encodeTransportParameters(DEFAULT_TRANSPORT_PARAMETERS, random);
    const reader = new Reader().reset(encoded, 0, encoded.length);
    const id = reader.varint();
    assert.is(id % 31, 27);
    assert.is(reader.varint(), reader.remaining);
    ids.add(id);
  }
  assert.ok(ids.size > 45);
});

const SEED = Number(process.env['SEED'] ?? 9003);

test(`random and damaged bytes: parameters or a TransportError (SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  const good = fromHex(FIXTURES.map(([hex]) => hex).join(''));
  let decoded = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = random.chance(0.3)
      ? random.bytes(random.integer(30))
      : good.slice(0, random.integer(good.length + 1));
    if (bytes.length > 0 && random.chance(0.7)) bytes[random.integer(bytes.length)] = random.integer(256);
    try {
      decodeTransportParameters(bytes, random.chance(0.5));
      decoded++;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    }
  }
  assert.ok(decoded > 100);
});

test.run();
