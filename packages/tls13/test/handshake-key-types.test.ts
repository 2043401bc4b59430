import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import type { TestKeyType } from '@mquictt/testkit';
import { NamedGroup, RootStore, nobleProvider } from '../src/index.ts';
import { nodeProvider } from '../src/node/index.ts';
import { authority, keyFor, leaf } from './support/chains.ts';
import { connect, newClient, newServer } from './support/handshakes.ts';

const test = suite('handshakes by key type and group');
const pairs = [
  [nobleProvider, nodeProvider],
  [nodeProvider, nobleProvider],
] as const;

/** Whole chains of one type of key: root, intermediate and leaf. */
for (const type of ['p256', 'p384', 'p521', 'ed25519', 'rsa3072', 'pss2048', 'pss2048-sha384'] as const)
  test(`a chain of ${type} keys`, () => {
    const key = (name: string): ReturnType<typeof keyFor> => keyFor(name, type as TestKeyType);
    const root = authority('root', undefined, { key: key('root') });
    const intermediate = authority('intermediate', root, { key: key('intermediate') });
    const { der, key: own } = leaf(intermediate, ['example.org'], { key: key('leaf') });
    for (const [client, server] of pairs) {
      const credential = {
        chain: [der, intermediate.der],
        key: server.importSigningKey(own.pkcs8, seededRandom(4)),
      };
      const { clientEvents } = connect(
        newClient({ provider: client, roots: new RootStore([root.der]) }, 'example.org'),
        newServer({ provider: server, credential }),
      );
      assert.ok(
        clientEvents.some((event) => event.type === 'complete'),
        `${client.name} to ${server.name}`,
      );
    }
  });

test('a P-384 authority that signs with SHA-256 and SHA-512', () => {
  const root = authority('root', undefined, { key: keyFor('root', 'p384') });
  for (const algorithm of ['ecdsa-sha256', 'ecdsa-sha512'] as const) {
    const { der, key } = leaf(root, ['example.org'], { algorithm });
    for (const [client, server] of pairs) {
      const credential = { chain: [der], key: server.importSigningKey(key.pkcs8, seededRandom(4)) };
      const { clientEvents } = connect(
        newClient({ provider: client, roots: new RootStore([root.der]) }, 'example.org'),
        newServer({ provider: server, credential }),
      );
      assert.ok(clientEvents.some((event) => event.type === 'complete'));
    }
  }
});

for (const [name, group] of Object.entries(NamedGroup))
  test(`key exchange with ${name}, offered at once and after a HelloRetryRequest`, () => {
    for (const [client, server] of pairs)
      for (const keyShareGroups of [[group], []]) {
        const { clientEvents, serverEvents } = connect(
          newClient({ provider: client, keyShareGroups }),
          newServer({ provider: server, groups: [group] }),
        );
        for (const events of [clientEvents, serverEvents]) {
          const complete = events.find((event) => event.type === 'complete');
          assert.ok(complete, `${client.name} to ${server.name}`);
        }
      }
  });

test.run();
