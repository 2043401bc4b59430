/** What docs/tls.md says of a handshake that is over: no transcript, no key shares, no secret of a phase is kept. Seen by what the collector takes. */
import { TEST_UNIX_TIME, testRoots } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EncryptionLevel, type Handshake } from '../../src/handshake.ts';
import type { CryptoProvider } from '../../src/provider.ts';
import { nobleProvider } from '../../src/providers/noble.ts';
import { connect, credentialOf, drain, newClient, newServer, sentAt } from '../support/handshakes.ts';
import { firstSessions, resuming, returningClient } from '../support/sessions.ts';

const { INITIAL, HANDSHAKE } = EncryptionLevel;
const test = suite('review: what is kept');

/** A provider that knows what it has given away. */
function watched(): { readonly provider: CryptoProvider; left(): Promise<string[]> } {
  const given: { readonly what: string; readonly ref: WeakRef<object> }[] = [];
  const note = <T extends object>(what: string, value: T): T => {
    given.push({ what, ref: new WeakRef(value) });
    return value;
  };
  const provider: CryptoProvider = {
    ...nobleProvider,
    createHash: (algorithm) => note('transcript', nobleProvider.createHash(algorithm)),
    hkdfExtract: (algorithm, salt, keyMaterial) =>
      note('secret of a phase', nobleProvider.hkdfExtract(algorithm, salt, keyMaterial)),
    generateKeyShares: (groups, random) =>
      nobleProvider.generateKeyShares(groups, random).map((share) => note('key share', share)),
    answerKeyShare: (group, key, random) => {
      const answer = nobleProvider.answerKeyShare(group, key, random);
      return answer === undefined ? undefined : note('answered key share', answer);
    },
  };
  return {
    provider,
    async left() {
      assert.ok(given.length > 0);
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        (globalThis as { gc?: () => void }).gc!();
      }
      return given.flatMap(({ what, ref }) => (ref.deref() === undefined ? [] : [what]));
    },
  };
}

/** The handshakes themselves live until the collector has been. */
async function expectNothing(kept: readonly Handshake[], left: () => Promise<string[]>): Promise<void> {
  assert.equal(await left(), []);
  for (const handshake of kept) assert.is(handshake.nextEvent(), undefined);
}

test('after a full handshake with certificates of both', async () => {
  const { provider, left } = watched();
  const client = newClient({ provider, credential: credentialOf('ed25519') });
  const server = newServer({ ...resuming({ clientAuthentication: { roots: testRoots() } }), provider });
  connect(client, server);
  assert.ok(client.isComplete && server.isComplete);
  await expectNothing([client, server], left);
});

test('after a resumed one', async () => {
  const config = resuming();
  const [session] = firstSessions(config);
  const { provider, left } = watched();
  const client = returningClient(session!, {}, { provider });
  const server = newServer({ ...config, provider });
  connect(client, server);
  assert.ok(client.isComplete && server.isComplete);
  await expectNothing([client, server], left);
});

test('after one that failed while it waited for a decision', async () => {
  const { provider, left } = watched();
  const client = newClient({ provider, judgePeerChain: true });
  const server = newServer({ provider });
  client.start(TEST_UNIX_TIME);
  server.handleMessages(INITIAL, sentAt(drain(client), INITIAL), TEST_UNIX_TIME);
  const flight = drain(server);
  for (const level of [INITIAL, HANDSHAKE]) client.handleMessages(level, sentAt(flight, level), TEST_UNIX_TIME);
  // At a level that is over, and at one that has not begun.
  for (const handshake of [client, server])
    assert.throws(
      () => handshake.handleMessages(EncryptionLevel.EARLY, Uint8Array.of(1), TEST_UNIX_TIME),
      // V8 keeps the frames of an error, and what they refer to, until somebody reads its stack.
      (error: Error) => error.stack !== '',
    );
  await expectNothing([client, server], left);
});

test.run();
