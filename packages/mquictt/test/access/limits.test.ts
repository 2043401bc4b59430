/** What happens at each limit of a client, an identity and an address. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressLimits, networkOf } from '../../src/access/address-limits.ts';
import { clientLimitsProblem } from '../../src/access/client-limits.ts';
import type { ClientLimitOptions } from '../../src/access/client-limits.ts';
import { TokenBucket } from '../../src/access/token-bucket.ts';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { TestBroker, publishBytes } from '../support/core-harness.ts';
import type { TestClient } from '../support/core-harness.ts';

const test = suite('limits of clients');

const broker = (limits: ClientLimitOptions): TestBroker => new TestBroker({ limits });

function connack(client: TestClient, clientId: string): number | undefined {
  const fields = { protocolVersion: 5, clientId, cleanStart: true, keepAlive: 0 } as const;
  client.control.send(codec.encodeConnect(fields));
  const [packet] = client.control.take(({ type }) => type === PacketType.CONNACK);
  return packet?.type === PacketType.CONNACK ? packet.reasonCode : undefined;
}

test('a bucket gives what its rate is, whenever it is asked', () => {
  const bucket = new TokenBucket(10, 10, 0);
  for (let i = 0; i < 10; i++) assert.ok(bucket.tryTake(1, 0));
  assert.not(bucket.tryTake(1, 0));
  assert.not(bucket.tryTake(1, 99));
  assert.ok(bucket.tryTake(1, 100));
  assert.is(bucket.take(21, 1_000_000), 1_100, 'never more than the burst waits; eleven are owed');
  assert.is(bucket.take(0, 1_000_500), 600);
  assert.is(bucket.take(0, 999_000), 600, 'a clock that goes back gives nothing');
});

test('messages beyond the rate are not read until it allows them; none is lost, and others are served', () => {
  const world = broker({ maxMessageRate: 10 });
  const reader = world.connect('reader').subscribe('#');
  const client = world.connect('fast');
  const stream = client.stream();
  for (let i = 0; i < 35; i++) stream.publish('t', String(i));
  assert.is(reader.messages().length, 11, 'ten at once, and the one that shows that it is too many');
  assert.ok(stream.channel.isHeld);
  assert.ok(client.control.channel.isHeld, "the rate is the client's, not the stream's");
  world.connect('other').publish('other', 'x');
  assert.is(reader.messages().length, 1);
  world.advance(1_000);
  assert.is(reader.messages().length, 10);
  world.advance(1_000);
  assert.is(reader.messages().length, 10);
  world.advance(1_000);
  assert.equal(reader.texts(), ['31', '32', '33', '34']);
  assert.not(stream.channel.isHeld);
});

test('bytes beyond the rate likewise, of all packets', () => {
  const world = broker({ maxByteRate: 1_000 });
  const reader = world.connect('reader').subscribe('#');
  const stream = world.connect('fast').stream();
  stream.publish('t', 'x'.repeat(3_000)).publish('t', 'later');
  assert.is(reader.messages().length, 1);
  world.advance(1_900);
  assert.is(reader.messages().length, 0);
  world.advance(200);
  assert.equal(reader.texts(), ['later']);
});

test('who is not read is not taken for silent', () => {
  const world = broker({ maxByteRate: 1_000 });
  const client = world.connect('slow', { keepAlive: 1 });
  client.control.publish('t', 'x'.repeat(10_000)).publish('t', 'x');
  world.advance(8_000);
  assert.is(client.closeCode, -1);
  world.advance(4_000);
  assert.is(client.closeCode, ReasonCode.KEEP_ALIVE_TIMEOUT, 'but afterwards it is');
});

test('a connection that ends while it waits leaves nothing behind', () => {
  const world = broker({ maxMessageRate: 1 });
  const client = world.connect('a');
  for (let i = 0; i < 5; i++) client.control.send(publishBytes('t', 'x'));
  client.drop();
  assert.is(world.core.nextTimeout(), Infinity);
  assert.is(world.core.stats().connections, 0);
});

test('connections at once from one address: 0x97, and room again when one ends', () => {
  const world = broker({ maxConnectionsPerAddress: 2 });
  const open = (remote: string): TestClient => world.open(5, undefined, remote);
  const first = open('192.0.2.1:1');
  open('192.0.2.1:2');
  const third = open('192.0.2.1:3');
  world.settle();
  assert.is(third.closeCode, ReasonCode.QUOTA_EXCEEDED);
  assert.is(connack(third, 'c'), undefined);
  third.drop();
  const elsewhere = open('192.0.2.2:3');
  assert.is(connack(elsewhere, 'd'), 0);
  first.drop();
  assert.is(connack(open('192.0.2.1:4'), 'e'), 0);
  assert.is(world.core.stats().connectionsRefused, 1);
});

test('connections per second from one address: 0x9F, and again when the second is over', () => {
  const world = broker({ maxConnectionRatePerAddress: 2 });
  const open = (): number => {
    const client = world.open(5, undefined, '[2001:db8::1]:5');
    world.settle();
    return client.closeCode;
  };
  assert.equal([open(), open(), open()], [-1, -1, ReasonCode.CONNECTION_RATE_EXCEEDED]);
  world.advance(500);
  assert.equal([open(), open()], [-1, ReasonCode.CONNECTION_RATE_EXCEEDED]);
});

test('clients with one identity: CONNACK 0x97, but who takes over its own session may', () => {
  const world = broker({ maxConnectionsPerIdentity: 2 });
  const identified = (clientId: string, identity?: string): number | undefined =>
    connack(world.open(5, identity), clientId);
  assert.equal([identified('a', 'ann'), identified('b', 'ann')], [0, 0]);
  assert.is(identified('c', 'ann'), ReasonCode.QUOTA_EXCEEDED);
  assert.is(identified('b', 'ann'), 0);
  assert.is(identified('c', 'bob'), 0);
  assert.equal([identified('d'), identified('e'), identified('f')], [0, 0, 0], 'nobody is not one client');
  world.core.closeConnection(world.core.sessions.get('a')!.connection!, world.now);
  assert.is(identified('g', 'ann'), 0);
});

test('subscriptions of a session: SUBACK 0x97', () => {
  const world = broker({ maxSubscriptions: 2 });
  const { control } = world.connect('a');
  for (const filter of ['a', 'b', 'c', 'a']) control.subscribe(filter);
  assert.equal(
    control
      .take(({ type }) => type === PacketType.SUBACK)
      .map((packet) => (packet as { reasonCodes?: readonly number[] }).reasonCodes?.[0]),
    [1, 1, ReasonCode.QUOTA_EXCEEDED, 1],
  );
});

test('an IPv6 address counts as its /64, an IPv4 one as itself', () => {
  const cases: readonly [string, string][] = [
    ['192.0.2.1:5000', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:5000', '192.0.2.1'],
    ['[2001:db8::1]:5000', '2001:db8:0:0::/64'],
    ['[2001:0db8:0:0:ffff::]:5000', '2001:db8:0:0::/64'],
    ['[2001:db8:0:1::1]:5000', '2001:db8:0:1::/64'],
    ['[::1]:1', '0:0:0:0::/64'],
    ['[1:2:3:4:5:6:7:8]:1', '1:2:3:4::/64'],
    ['[fe80::1%eth0]:1', 'fe80:0:0:0::/64'],
  ];
  for (const [remote, network] of cases) assert.is(networkOf(remote), network, remote);
});

test('a million addresses are not remembered', () => {
  const limits = new AddressLimits(Infinity, 1);
  for (let i = 0; i < 80_000; i++) limits.open(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`, 0);
  assert.ok(limits.size <= 65_536);
  limits.open('192.0.2.1:1', 10_000);
  limits.open('192.0.2.2:1', 10_000);
  assert.ok(limits.size <= 2, 'what has been refilled says nothing');
  const counting = new AddressLimits(5, Infinity);
  for (let i = 0; i < 100; i++) counting.open('192.0.2.1:1', 0);
  for (let i = 0; i < 100; i++) counting.close('192.0.2.1:1');
  assert.is(counting.size, 0);
});

test('limits that are none are refused with a sentence', () => {
  assert.is(clientLimitsProblem({ maxMessageRate: 0.5, maxSubscriptions: 10 }), undefined);
  assert.match(clientLimitsProblem({ maxMessageRate: 0 })!, /above 0, got 0/);
  assert.match(clientLimitsProblem({ maxConnectionsPerAddress: 1.5 })!, /whole number/);
  assert.match(clientLimitsProblem({ maxMesageRate: 5 })!, /maxMesageRate is none of/);
  assert.match(clientLimitsProblem({ maxByteRate: '5' })!, /got 5/);
});

test.run();
