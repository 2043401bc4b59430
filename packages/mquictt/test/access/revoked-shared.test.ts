/** Shared subscriptions that rules take away: what waited for the member is the group's. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccessRules } from '../../src/access/access-rules.ts';
import type { AccessPolicy } from '../../src/core/permissions.ts';
import { TestBroker } from '../support/core-harness.ts';
import { StoredBroker } from '../support/stored-broker.ts';

const test = suite('revoked members of shared subscriptions');

const withoutAnn = new AccessRules([
  { deny: 'subscribe', topic: '#', client: 'ann' },
  { allow: 'all', topic: '#' },
]);
const access: AccessPolicy = {
  authenticates: false,
  permissionsOf: (principal) => withoutAnn.permissionsOf(principal),
};

for (const [what, start] of [
  ['in memory', () => Promise.resolve(new TestBroker())],
  ['in a store', () => StoredBroker.start()],
] as const) {
  test(`messages that wait for a member who may no longer subscribe go to another one, ${what} [MQTT-4.8.2-5]`, async () => {
    const broker = await start();
    const kept = { cleanStart: false, sessionExpiryInterval: 100 };
    const ann = broker.connect('ann', kept);
    ann.control.subscribe('$share/g/t', { qos: 1 });
    ann.drop();
    const writer = broker.connect('writer').control;
    const texts = Array.from({ length: 5 }, (_, index) => `m${index}`);
    for (const text of texts) writer.publish('t', text, { qos: 1 });
    const bob = broker.connect('bob', kept).control;
    bob.subscribe('$share/g/t', { qos: 1 });
    broker.core.setAccess(access, broker.now);
    broker.settle();
    assert.equal(bob.texts(), texts);
    assert.equal(broker.connect('ann', kept).control.texts(), []);
  });
}

test('where there is no other member they are gone', () => {
  const broker = new TestBroker();
  const ann = broker.connect('ann', { cleanStart: false, sessionExpiryInterval: 100 });
  ann.control.subscribe('$share/g/t', { qos: 1 });
  ann.drop();
  broker.connect('writer').control.publish('t', 'x', { qos: 1 });
  broker.core.setAccess(access, broker.now);
  assert.is(broker.core.stats().queuedMessages, 0);
  assert.is(broker.core.stats().queuedBytes, 0);
});

test.run();
