/**
 * Seeded mutations of every message towards both roles. Whatever comes, the only thing that may be thrown is a TlsError
 * that blames the peer, and no handshake may complete with a changed transcript.
 *
 *     SEED=7 ROUNDS=100000 node --conditions=@mquictt/source --import tsx packages/tls13/test/handshake-fuzz.test.ts
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom, type SeededRandom } from '@mquictt/testkit';
import { nodeProvider } from '@mquictt/tls13/node';
import { TlsError } from '../src/errors.ts';
import { EncryptionLevel, type Handshake } from '../src/handshake.ts';
import { NamedGroup } from '../src/provider.ts';
import { concat, toHex } from './support/bytes.ts';
import { drain, messagesOf, newClient, newServer, sentAt } from './support/handshakes.ts';
import { scriptedFlight, type FlightMessage } from './support/scripted-server.ts';

const { INITIAL, HANDSHAKE } = EncryptionLevel;
const SEED = Number(process.env['SEED'] ?? 1);
const ROUNDS = Number(process.env['ROUNDS'] ?? 300);

const test = suite('handshake fuzz');

/** Changes a message in one to four places; the header's length follows, most of the time. */
function mutate(message: Uint8Array, random: SeededRandom): Uint8Array {
  let body: Uint8Array = message.slice(4);
  for (let count = 1 + random.integer(4); count > 0; count--) body = mutateOnce(body, random);
  const length = random.chance(0.05) ? random.integer(1 << 24) : body.length;
  const type = random.chance(0.02) ? random.integer(256) : (message[0] as number);
  return concat(Uint8Array.of(type, length >> 16, (length >> 8) & 0xff, length & 0xff), body);
}

function mutateOnce(body: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.integer(body.length + 1);
  switch (random.integer(7)) {
    case 0: {
      const copy = body.slice();
      copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(8));
      return copy;
    }
    case 1: {
      const copy = body.slice();
      copy[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, 2, 32, 33]);
      return copy;
    }
    case 2:
      return body.slice(0, at);
    case 3:
      return concat(body.slice(0, at), body.slice(Math.min(body.length, at + 1 + random.integer(8))));
    case 4:
      return concat(body.slice(0, at), random.bytes(random.integer(8)), body.slice(at));
    case 5: {
      const from = random.integer(body.length + 1);
      return concat(body.slice(0, at), body.slice(from, from + random.integer(40)), body.slice(at));
    }
    default: {
      // Lengths are what parsers trip over: a 16-bit value anywhere, off by a little.
      const copy = body.slice();
      const value = (((copy[at] ?? 0) << 8) | (copy[at + 1] ?? 0)) + random.integer(9) - 4;
      copy[at] = (value >> 8) & 0xff;
      copy[at + 1] = value & 0xff;
      return copy;
    }
  }
}

/** @returns whether the handshake swallowed everything. */
function feed(
  handshake: Handshake,
  pieces: readonly (readonly [EncryptionLevel, Uint8Array])[],
  what: string,
): boolean {
  try {
    for (const [level, data] of pieces) {
      handshake.handleMessages(level, data, TEST_UNIX_TIME);
      drain(handshake);
    }
    return true;
  } catch (error) {
    const shown = pieces.map(([level, data]) => `${level}:${toHex(data)}`).join(' ');
    assert.ok(error instanceof TlsError, `${what}: ${String((error as Error).stack)} for ${shown}`);
    const { code, fault, cause } = error as TlsError;
    assert.is(fault, 'peer', `${what}: ${code} ${String((cause as Error | undefined)?.stack)} for ${shown}`);
    return false;
  }
}

test(`server survives ${ROUNDS} changed ClientHellos`, () => {
  const random = seededRandom(SEED);
  const client = newClient({ provider: nodeProvider });
  client.start(TEST_UNIX_TIME);
  const hello = sentAt(drain(client), INITIAL);
  for (let i = 0; i < ROUNDS; i++) {
    const server = newServer({ provider: nodeProvider });
    feed(server, [[INITIAL, mutate(hello, random)]], `seed ${SEED} round ${i}`);
    assert.not(server.isComplete);
  }
});

test(`server survives ${ROUNDS / 2} changed second ClientHellos`, () => {
  const random = seededRandom(SEED + 1);
  const groups = [NamedGroup.X25519, NamedGroup.SECP256R1];
  const client = newClient({ provider: nodeProvider, groups });
  const server = newServer({ provider: nodeProvider, groups: [NamedGroup.SECP256R1] });
  client.start(TEST_UNIX_TIME);
  const first = sentAt(drain(client), INITIAL);
  server.handleMessages(INITIAL, first, TEST_UNIX_TIME);
  client.handleMessages(INITIAL, sentAt(drain(server), INITIAL), TEST_UNIX_TIME);
  const second = sentAt(drain(client), INITIAL);
  for (let i = 0; i < ROUNDS / 2; i++) {
    const fresh = newServer({ provider: nodeProvider, groups: [NamedGroup.SECP256R1] });
    fresh.handleMessages(INITIAL, first, TEST_UNIX_TIME);
    drain(fresh);
    feed(fresh, [[INITIAL, mutate(second, random)]], `seed ${SEED} round ${i}`);
  }
});

const NAMES: readonly FlightMessage[] = [
  'server_hello',
  'encrypted_extensions',
  'certificate',
  'certificate_verify',
  'finished',
];
for (const [index, name] of NAMES.entries()) {
  test(`client survives ${ROUNDS} changes of ${name}`, () => {
    const random = seededRandom(SEED + 2 + index);
    // The client's bytes depend on its seed alone, so one honest flight serves for all rounds: noble keys are seeded.
    const template = newClient();
    template.start(TEST_UNIX_TIME);
    const flight = scriptedFlight(sentAt(drain(template), INITIAL));
    for (let i = 0; i < ROUNDS; i++) {
      const client = newClient();
      client.start(TEST_UNIX_TIME);
      drain(client);
      const original = flight[index]?.data as Uint8Array;
      const changed = mutate(original, random);
      const pieces = flight.slice(0, index).map(({ level, data }) => [level, data] as const);
      const rest = flight.slice(index + 1).map(({ level, data }) => [level, data] as const);
      const level = flight[index]?.level as EncryptionLevel;
      feed(client, [...pieces, [level, changed], ...rest], `seed ${SEED} round ${i}`);
      const isSame = toHex(changed) === toHex(original);
      assert.is(client.isComplete, isSame, `seed ${SEED} round ${i}: ${toHex(changed)}`);
    }
  });
}

test(`server survives ${ROUNDS / 4} changes of the client's Finished`, () => {
  const random = seededRandom(SEED + 20);
  for (let i = 0; i < ROUNDS / 4; i++) {
    const client = newClient({ provider: nodeProvider });
    const server = newServer({ provider: nodeProvider });
    client.start(TEST_UNIX_TIME);
    server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
    const flight = drain(server);
    client.handleMessages(INITIAL, sentAt(flight, INITIAL), TEST_UNIX_TIME);
    client.handleMessages(HANDSHAKE, sentAt(flight, HANDSHAKE), TEST_UNIX_TIME);
    const finished = sentAt(drain(client), HANDSHAKE);
    const changed = mutate(finished, random);
    feed(server, [[HANDSHAKE, changed]], `seed ${SEED} round ${i}`);
    assert.is(server.isComplete, toHex(changed) === toHex(finished));
  }
});

test('both roles survive messages that are exchanged, doubled and dropped', () => {
  const random = seededRandom(SEED + 30);
  const template = newClient();
  template.start(TEST_UNIX_TIME);
  const hello = sentAt(drain(template), INITIAL);
  const messages = [hello, ...scriptedFlight(hello).map(({ data }) => data)];
  assert.is(messagesOf(concat(...messages)).length, 6);
  for (let i = 0; i < ROUNDS; i++) {
    const client = newClient();
    client.start(TEST_UNIX_TIME);
    drain(client);
    const pick = (): readonly [EncryptionLevel, Uint8Array] => [
      random.pick([INITIAL, INITIAL, HANDSHAKE]),
      random.chance(0.3) ? mutate(random.pick(messages), random) : random.pick(messages),
    ];
    feed(client, Array.from({ length: 6 }, pick), `seed ${SEED} round ${i}`);
    feed(newServer(), Array.from({ length: 3 }, pick), `seed ${SEED} round ${i}`);
    // Only the one order that is right would do, and it does not come up.
    assert.not(client.isComplete);
  }
});

test.run();
