/** Permissions that clients brought themselves, when the broker begins again and no longer knows them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccessRules } from '../../src/access/access-rules.ts';
import type { AccessPolicy, Identity } from '../../src/core/permissions.ts';
import { StoredBroker } from '../support/stored-broker.ts';
import { utf8 } from '../support/hex.ts';

const test = suite('access after a restart');

const brokerRules = new AccessRules([{ allow: 'all', topic: 'broker' }]);
const access: AccessPolicy = {
  authenticates: true,
  permissionsOf: (principal) => brokerRules.permissionsOf(principal),
};

const token =
  (topic: string) =>
  ({ clientId }: { clientId: string }): Identity => {
    const rules = new AccessRules([{ allow: 'all', topic }]);
    return { name: clientId, permissions: (principal) => rules.permissionsOf(principal) };
  };

const kept = { cleanStart: false, sessionExpiryInterval: 1_000 };

test('what rules of a token allowed outlives the process, whatever the rules of the broker say', async () => {
  let broker = await StoredBroker.start({ access });
  broker.authenticate = token('t/#');
  const will = { topic: 't/will', payload: utf8('gone'), qos: 1, retain: false } as const;
  broker.connect('reader', kept).control.subscribe('t/+', { qos: 1 });
  broker.connect('dying', { ...kept, will });
  broker.connect('writer').control.publish('t/1', 'retained', { qos: 1, retain: true });
  // Twice: the second time nobody has come back in between.
  for (let i = 0; i < 2; i++) broker = await broker.crash();
  assert.is(broker.restored?.subscriptions, 1);
  assert.is(broker.restored?.retainedMessages, 1);
  broker.authenticate = token('t/#');
  broker.connect('writer').control.publish('t/2', 'live', { qos: 1 });
  broker.advance(60_000);
  const reader = broker.connect('reader', kept);
  assert.equal(reader.control.texts().sort(), ['gone', 'live', 'retained']);
});

test('and who comes back with a token for less has what that allows', async () => {
  let broker = await StoredBroker.start({ access });
  broker.authenticate = token('t/#');
  const before = broker.connect('reader', kept).control;
  before.subscribe('t/secret', { qos: 1 });
  before.subscribe('t/public', { qos: 1 });
  broker = await broker.crash();
  broker.authenticate = token('t/#');
  const writer = broker.connect('writer').control;
  for (const topic of ['t/secret', 't/public']) writer.publish(topic, topic, { qos: 1 });
  broker.authenticate = token('t/public');
  const reader = broker.connect('reader', kept).control;
  writer.publish('t/secret', 'more', { qos: 1 });
  assert.equal(reader.texts(), ['t/public']);
});

test("those who brought none fall under the broker's rules at once", async () => {
  let broker = await StoredBroker.start();
  broker.connect('reader', kept).control.subscribe('t', { qos: 1 });
  broker.connect('writer').control.publish('t', 'retained', { qos: 1, retain: true });
  broker = await broker.crash(0, { access });
  assert.is(broker.restored?.subscriptions, 0);
  assert.is(broker.restored?.retainedMessages, 0);
});

test.run();
