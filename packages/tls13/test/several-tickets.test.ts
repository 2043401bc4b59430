/** ClientHellos with several tickets, which our own client never sends (RFC 8446 §4.2.11). */
import { TEST_UNIX_TIME } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../src/alerts.ts';
import { TLS_AES_128_GCM_SHA256 } from '../src/cipher-suites.ts';
import { Writer } from '../src/codec.ts';
import { ExtensionType } from '../src/extensions.ts';
import { readSelectedIdentity } from '../src/extensions/pre-shared-key.ts';
import { EncryptionLevel, type HandshakeEvent } from '../src/handshake.ts';
import { EarlySchedule } from '../src/key-schedule.ts';
import { MAX_OFFERED_PSKS } from '../src/limits.ts';
import { readClientHello, writeClientHello } from '../src/messages/client-hello.ts';
import { readServerHello } from '../src/messages/server-hello.ts';
import { nodeProvider } from '../src/node/index.ts';
import type { ClientSession } from '../src/sessions/client-session.ts';
import { drain, expectAlert, newClient, newServer, sentAt } from './support/handshakes.ts';
import { firstSessions, onceGuard, resuming } from './support/sessions.ts';

const { INITIAL, EARLY } = EncryptionLevel;
const test = suite('several tickets');

const suites = { provider: nodeProvider, cipherSuites: [TLS_AES_128_GCM_SHA256] };
const HASH_LENGTH = 32;

/** A good ticket and its secret, and some that no server knows. */
function setUp(): { config: ReturnType<typeof resuming>; good: ClientSession; unknown(n: number): ClientSession } {
  const config = resuming(suites, { earlyData: onceGuard() });
  const [good] = firstSessions(config, suites);
  return {
    config,
    good: good!,
    unknown: (n) => ({ ...good!, ticket: Uint8Array.of(1, 2, 3, n), secret: new Uint8Array(HASH_LENGTH).fill(n) }),
  };
}

/** A first ClientHello with these sessions and early data. @param damaged indexes of binders that are wrong. @param without an extension that is left out */
function hello(sessions: readonly ClientSession[], damaged: readonly number[] = [], without?: number): Uint8Array {
  const client = newClient(suites);
  client.start(TEST_UNIX_TIME);
  const own = readClientHello(sentAt(drain(client), INITIAL).subarray(4));
  const psk = new Writer();
  psk.vector16(() => {
    for (const { ticket, ticketAgeAdd } of sessions) psk.vector16(ticket).uint32(ticketAgeAdd);
  });
  psk.vector16(() => {
    for (let i = 0; i < sessions.length; i++) psk.vector8(new Uint8Array(HASH_LENGTH));
  });
  const extensions = new Map(own.extensions);
  if (without !== undefined) extensions.delete(without);
  extensions.set(ExtensionType.EARLY_DATA, new Uint8Array(0));
  extensions.set(ExtensionType.PRE_SHARED_KEY, psk.finish());
  const message = writeClientHello({ ...own, extensions });
  const bindersLength = 2 + sessions.length * (1 + HASH_LENGTH);
  const transcriptHash = nodeProvider.hash('sha256', message.subarray(0, message.length - bindersLength));
  for (const [i, { secret }] of sessions.entries()) {
    const binder = new EarlySchedule(nodeProvider, TLS_AES_128_GCM_SHA256, secret).binder(transcriptHash);
    const at = message.length - bindersLength + 2 + i * (1 + HASH_LENGTH) + 1;
    message.set(damaged.includes(i) ? binder.map((byte) => byte ^ 1) : binder, at);
  }
  return message;
}

/** What a server makes of it: the identity that it chose and whether it lets early data in. */
function answer(
  config: ReturnType<typeof resuming>,
  message: Uint8Array,
): { selected: number | undefined; isEarlyDataAccepted: boolean } {
  const server = newServer(config);
  server.handleMessages(INITIAL, message, TEST_UNIX_TIME);
  const events = drain(server);
  const { extensions } = readServerHello(sentAt(events, INITIAL).subarray(4));
  const chosen = extensions.get(ExtensionType.PRE_SHARED_KEY);
  const decision = events.find(
    (event): event is HandshakeEvent & { type: 'early-data' } => event.type === 'early-data',
  );
  const isEarlyDataAccepted = decision?.isAccepted === true;
  assert.is(
    events.some((event) => event.type === 'read-secret' && event.level === EARLY),
    isEarlyDataAccepted,
  );
  return { selected: chosen === undefined ? undefined : readSelectedIdentity(chosen), isEarlyDataAccepted };
}

test('the first ticket that is good is taken, and early data with it', () => {
  const { config, good, unknown } = setUp();
  assert.equal(answer(config, hello([good, unknown(1)])), { selected: 0, isEarlyDataAccepted: true });
});

test('early data belongs to the first ticket and comes in with no other (RFC 8446 §4.2.10)', () => {
  const { config, good, unknown } = setUp();
  assert.equal(answer(config, hello([unknown(1), good])), { selected: 1, isEarlyDataAccepted: false });
});

test('no more tickets than a few are looked at', () => {
  const { config, good, unknown } = setUp();
  const strange = Array.from({ length: MAX_OFFERED_PSKS }, (_, i) => unknown(i));
  assert.equal(answer(config, hello([...strange, good])), { selected: undefined, isEarlyDataAccepted: false });
  let looked = 0;
  const counting = resuming(suites, {
    tickets: {
      issue: () => undefined,
      redeem: () => {
        looked++;
        return undefined;
      },
    },
  });
  answer(counting, hello(Array.from({ length: 500 }, (_, i) => unknown(i & 0xff))));
  assert.is(looked, MAX_OFFERED_PSKS);
});

test('only the binder of the ticket that is taken counts (RFC 8446 §4.2.11)', () => {
  const { config, good, unknown } = setUp();
  assert.is(answer(config, hello([unknown(1), good], [0])).selected, 1);
  assert.is(answer(config, hello([good, unknown(1)], [1])).selected, 0);
  for (const sessions of [
    [good, unknown(1)],
    [unknown(1), good],
  ]) {
    const server = newServer(config);
    const message = hello(sessions, [sessions.indexOf(good)]);
    expectAlert(
      () => server.handleMessages(INITIAL, message, TEST_UNIX_TIME),
      Alert.DECRYPT_ERROR,
      'ERR_TLS_AUTHENTICATION',
      server,
    );
  }
});

test('one ticket twice is one ticket', () => {
  const { config, good } = setUp();
  assert.equal(answer(config, hello([good, good])), { selected: 0, isEarlyDataAccepted: true });
  assert.equal(answer(config, hello([good, good])), { selected: 0, isEarlyDataAccepted: false });
});

test('signature_algorithms may be missing beside a ticket that is good, and beside no other (RFC 8446 §9.2)', () => {
  const { config, good, unknown } = setUp();
  const without = ExtensionType.SIGNATURE_ALGORITHMS;
  assert.is(answer(config, hello([good], [], without)).selected, 0);
  const server = newServer(config);
  const message = hello([unknown(1)], [], without);
  expectAlert(
    () => server.handleMessages(INITIAL, message, TEST_UNIX_TIME),
    Alert.MISSING_EXTENSION,
    undefined,
    server,
  );
});

test.run();
