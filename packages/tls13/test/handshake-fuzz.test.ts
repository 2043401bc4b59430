/**
 * Seeded changes of every message that two ends send each other, in every kind of connection. Whatever comes, the only thing that may be thrown is a
 * TlsError that blames the peer, no end completes a handshake whose bytes were changed, and nothing takes long or keeps memory.
 *
 *     SEED=7 ROUNDS=100000 node --conditions=@mquictt/source --import tsx packages/tls13/test/handshake-fuzz.test.ts
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_SERVER_NAME, TEST_UNIX_TIME, seededRandom, type SeededRandom } from '@mquictt/testkit';
import { ClientHandshake } from '../src/client-handshake.ts';
import { TlsError } from '../src/errors.ts';
import { EncryptionLevel, type Handshake } from '../src/handshake.ts';
import { HandshakeType, messageName } from '../src/messages/handshake-message.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import type { ClientSession } from '../src/sessions/client-session.ts';
import { concat, toHex } from './support/bytes.ts';
import { CLIENT_EXTENSION, clientConfig, messagesOf } from './support/handshakes.ts';
import { mutateMessage } from './support/mutations.ts';
import { CONNECTIONS, answer, ends, type Setup } from './support/states.ts';

const SEED = Number(process.env['SEED'] ?? 1);
/** Of each message of each connection. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
/** Processor time that one connection may take, ms. An honest one takes two, and a chain of RSA keys is the worst that a mutation could lead to. */
const MAX_TIME = 500;
/** Bytes that all rounds may leave behind: what is cached is bounded, and made of a handful of certificates here. */
const MAX_GROWTH = 16_000_000;

const test = suite('handshake fuzz');

type Sent = readonly [from: 'client' | 'server', level: EncryptionLevel, message: Uint8Array];

interface Outcome {
  readonly client: ClientHandshake;
  readonly server: Handshake;
  /** Every message as its sender sent it. */
  readonly sent: readonly Sent[];
  readonly sessions: readonly ClientSession[];
  readonly error: unknown;
}

/**
 * Runs a connection message by message until nobody has anything to say.
 *
 * @param change what arrives instead of the message with this index
 * @param cut the pieces in which bytes arrive
 */
function run(
  setup: Setup,
  change: (index: number, sent: Sent) => readonly Uint8Array[],
  cut: (data: Uint8Array) => readonly Uint8Array[] = (data) => [data],
): Outcome {
  const [client, server] = ends(setup);
  const sent: Sent[] = [];
  const sessions: ClientSession[] = [];
  const queue: Sent[] = [];
  let error: unknown;
  const take = (from: 'client' | 'server', handshake: Handshake): void => {
    for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
      if (event.type === 'send') for (const message of messagesOf(event.data)) queue.push([from, event.level, message]);
      if (event.type === 'session') sessions.push(event.session);
      answer(handshake, event);
    }
  };
  try {
    client.start(TEST_UNIX_TIME);
    server.start(TEST_UNIX_TIME);
    take('client', client);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [from, level] = next;
      const to = from === 'client' ? server : client;
      for (const message of change(sent.length, next))
        for (const piece of cut(message)) {
          to.handleMessages(level, piece, TEST_UNIX_TIME);
          take(from === 'client' ? 'server' : 'client', to);
        }
      sent.push(next);
    }
  } catch (thrown) {
    error = thrown;
  }
  return { client, server, sent, sessions, error };
}

function honest(_index: number, [, , message]: Sent): readonly Uint8Array[] {
  return [message];
}

/** Cuts into pieces of random lengths, or of one byte each. */
function cutter(random: SeededRandom): (data: Uint8Array) => Uint8Array[] {
  const most = random.pick([1, 5, 60, 400]);
  return (data) => {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < data.length;) {
      const length = 1 + random.integer(most);
      pieces.push(data.slice(at, at + length));
      at += length;
    }
    return pieces;
  };
}

function assertPeerIsBlamed({ error }: Outcome, what: string): void {
  if (error === undefined) return;
  assert.ok(error instanceof TlsError, `${what}: ${String((error as Error).stack)}`);
  const { code, fault, cause } = error as TlsError;
  assert.is(fault, 'peer', `${what}: ${code} ${String((cause as Error | undefined)?.stack)}`);
}

/** The client is through with its side before its last flight arrives; nothing can take that back. */
function isOfLastFlight(sent: readonly Sent[], index: number): boolean {
  const finished = sent.findIndex(([from, , message]) => from === 'server' && message[0] === HandshakeType.FINISHED);
  return sent[index]?.[0] === 'client' && index > finished;
}

function assertTime(before: NodeJS.CpuUsage, what: string): void {
  const { user } = process.cpuUsage(before);
  assert.ok(user / 1_000 < MAX_TIME, `${what}: took ${user / 1_000} ms`);
}

/** @returns bytes in use */
function kept(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** With keys and signatures that a seed decides, so that a failing round fails again. */
const SEEDED = Object.entries(CONNECTIONS).map(
  ([name, setup]) =>
    [
      name,
      {
        ...setup,
        client: { ...setup.client, provider: nobleProvider },
        server: { ...setup.server, provider: nobleProvider },
      },
    ] as const,
);

const KEPT_BEFORE = kept();

for (const [name, setup] of SEEDED) {
  const reference = run(setup, honest);
  const { sent } = reference;

  test(`${name}: is complete when nothing is changed, in pieces too`, () => {
    assert.is(reference.error, undefined);
    for (let i = 0; i < 4; i++) {
      const { client, server, error } = run(setup, honest, cutter(seededRandom(SEED + i)));
      assert.is(error, undefined);
      assert.ok(client.isComplete && server.isComplete);
    }
  });

  for (const [index, [from, , original]] of sent.entries()) {
    const what = `${messageName(original[0] as number)} of the ${from} (message ${index})`;

    test(`${name}: ${what}, changed`, () => {
      const random = seededRandom(SEED + index * 1_000);
      for (let round = 0; round < ROUNDS; round++) {
        let from = '';
        let to = '';
        const isCut = random.chance(0.2);
        const start = process.cpuUsage();
        const outcome = run(
          setup,
          (at, [, , message]) => {
            if (at !== index) return [message];
            const changed = mutateMessage(message, random);
            from = toHex(message);
            to = toHex(changed);
            return [changed];
          },
          isCut ? cutter(random) : undefined,
        );
        const where = `SEED=${SEED}, round ${round}: ${from} became ${to}`;
        assertTime(start, where);
        assertPeerIsBlamed(outcome, where);
        assertNotTaken(outcome, from === to, index, where);
      }
    });
  }

  function assertNotTaken(outcome: Outcome, isSame: boolean, index: number, where: string): void {
    const { client, server, sessions } = outcome;
    if (sent[index]?.[2][0] === HandshakeType.NEW_SESSION_TICKET) {
      // Outside of the transcript: the connection stands. What became of the ticket must not stand in the way of the next one.
      for (const session of sessions) assertUsable(session, where);
      return;
    }
    assert.is(server.isComplete, isSame, where);
    assert.is(client.isComplete, isSame || isOfLastFlight(sent, index), where);
  }

  test(`${name}: messages lost, doubled and exchanged`, () => {
    const random = seededRandom(SEED + 77);
    for (const [index, [, level, message]] of sent.entries())
      for (const how of ['lost', 'doubled', 'exchanged'] as const) {
        const other = random.pick(sent.filter((_each, at) => at !== index))[2];
        const outcome = run(setup, (at, [, , each]) =>
          at !== index ? [each] : how === 'lost' ? [] : how === 'doubled' ? [each, each] : [other, each],
        );
        const where = `SEED=${SEED}: ${messageName(message[0] as number)} at level ${level} ${how}`;
        assertPeerIsBlamed(outcome, where);
        if (message[0] === HandshakeType.NEW_SESSION_TICKET) continue;
        // What comes behind a flight that is complete finds both ends connected, and ends the connection.
        const wasLast = index === sent.findLastIndex(([, , each]) => each[0] === HandshakeType.FINISHED);
        assert.not(outcome.server.isComplete && outcome.error === undefined, where);
        if (!wasLast || how !== 'doubled') assert.not(outcome.server.isComplete, where);
      }
  });
}

function assertUsable(session: ClientSession, where: string): void {
  assert.ok(session.expiresAt > TEST_UNIX_TIME && session.expiresAt <= TEST_UNIX_TIME + 604_800_000, where);
  const next = new ClientHandshake(clientConfig({ random: seededRandom(9) }), {
    serverName: TEST_SERVER_NAME,
    extensions: [CLIENT_EXTENSION],
    session,
    earlyData: true,
  });
  try {
    next.start(TEST_UNIX_TIME + 1_000);
  } catch (error) {
    assert.unreachable(`${where}: the next connection fails with ${String(error)}`);
  }
}

test('pieces of handshakes in any order, at any level, to either end', () => {
  const random = seededRandom(SEED + 30);
  for (const [name, setup] of SEEDED) {
    // Of another connection, with other keys.
    const { sent } = run(CONNECTIONS[name] as Setup, honest);
    for (let round = 0; round < ROUNDS * 4; round++) {
      const [client, server] = ends(setup);
      client.start(TEST_UNIX_TIME);
      for (const handshake of [client, server]) {
        const pieces: string[] = [];
        try {
          for (let i = 0; i < 8; i++) {
            const [, honestLevel, message] = random.pick(sent);
            const level = random.chance(0.8) ? honestLevel : random.pick(Object.values(EncryptionLevel));
            const data = random.chance(0.3) ? mutateMessage(message, random) : message;
            pieces.push(`${level}:${toHex(data)}`);
            handshake.handleMessages(level, data, TEST_UNIX_TIME);
            for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent());
          }
        } catch (error) {
          const where = `SEED=${SEED}, ${name}, round ${round}: ${pieces.join(' ')}`;
          assertPeerIsBlamed({ client, server, sent, sessions: [], error }, where);
        }
        // None of them answers this hello: they are of another connection.
        assert.not(handshake.isComplete, `SEED=${SEED}, ${name}, round ${round}: ${pieces.join(' ')}`);
      }
    }
  }
});

test('random bytes at every level', () => {
  const random = seededRandom(SEED + 40);
  for (let round = 0; round < ROUNDS * 10; round++)
    for (const handshake of ends({})) {
      handshake.start(TEST_UNIX_TIME);
      const type = random.pick(Object.values(HandshakeType));
      const data = concat(Uint8Array.of(type, 0, random.integer(3)), random.bytes(random.integer(600)));
      const level = random.pick(Object.values(EncryptionLevel));
      let error: unknown;
      try {
        handshake.handleMessages(level, data, TEST_UNIX_TIME);
      } catch (thrown) {
        error = thrown;
      }
      if (error !== undefined)
        assert.ok(error instanceof TlsError && error.fault === 'peer', `SEED=${SEED}: ${level}:${toHex(data)}`);
      assert.not(handshake.isComplete);
    }
});

test('nothing of all that is kept', () => {
  const growth = kept() - KEPT_BEFORE;
  assert.ok(growth < MAX_GROWTH, `SEED=${SEED}: ${growth} bytes were kept`);
});

test.run();
