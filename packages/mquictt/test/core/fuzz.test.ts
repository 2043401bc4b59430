import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { publishBytes, TestBroker } from '../support/core-harness.ts';
import type { TestClient, TestStream } from '../support/core-harness.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { SEED, random } from '../support/seed.ts';

const test = suite('fuzz');

const SAMPLES: readonly Uint8Array[] = [
  codec.encodeConnect({
    protocolVersion: 5,
    clientId: 'c',
    cleanStart: true,
    keepAlive: 10,
    username: 'u',
    password: utf8('p'),
    will: { topic: 'w', payload: utf8('x'), qos: 1, retain: true, userProperties: [['a', 'b']] },
    receiveMaximum: 10,
  }),
  codec.encodeConnect({ protocolVersion: 4, clientId: 'c', cleanStart: true, keepAlive: 10 }),
  publishBytes('a/b', 'payload', { qos: 1, retain: true, properties: hex('03 0001 78 26 0001 61 0001 31') }),
  publishBytes('a', '', { retain: true }),
  codec.encodeSubscribe(
    1,
    ['a/+', '#', 'x'].map((topicFilter) => ({
      topicFilter,
      qos: 1,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 0,
    })),
    5,
    5,
  ),
  codec.encodeUnsubscribe(1, ['a/+', 'x'], 5),
  hex('40 02 0001'),
  hex('40 04 0001 10 00'),
  codec.PINGREQ,
  codec.encodeDisconnect(4, 'bye', 5),
  hex('f0 02 18 00'),
  hex('62 02 0001'),
];

/** Everything that must hold whatever a peer does. */
function check(broker: TestBroker): void {
  const stats = broker.core.stats();
  assert.is(stats.internalErrors, 0, broker.logs.join('\n'));
  assert.ok(stats.queuedBytes >= 0);
}

function tearDown(broker: TestBroker, clients: readonly TestClient[]): void {
  for (const client of clients) client.drop();
  // MQTT 3.1.1 sessions that are kept have no end: their clients come back to end them.
  const kept = Array.from(broker.core.sessions, ({ clientId }) => clientId);
  for (const clientId of kept) broker.connect(clientId).drop();
  broker.advance(100_000);
  const stats = broker.core.stats();
  assert.equal(
    [stats.sessions, stats.flows, stats.subscriptions, stats.queuedBytes, broker.core.nextTimeout()],
    [0, 0, 0, 0, Infinity],
  );
}

/** Answers what has come, mostly. */
function acknowledge(stream: TestStream): void {
  for (const packet of stream.take()) {
    if (!stream.channel.isOpen) return;
    if (packet.type === PacketType.PUBLISH && packet.qos === 1) stream.puback(packet.packetIdentifier);
    if (packet.type === PacketType.PUBLISH && packet.qos === 2)
      stream.acknowledge(PacketType.PUBREC, packet.packetIdentifier);
    if (packet.type === PacketType.PUBREC && packet.reasonCode < 0x80)
      stream.acknowledge(PacketType.PUBREL, packet.packetIdentifier);
    if (packet.type === PacketType.PUBREL) stream.acknowledge(PacketType.PUBCOMP, packet.packetIdentifier);
  }
}

test('any bytes on any stream harm nobody', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), fc.boolean(), (chunks, isConnected) => {
      const broker = new TestBroker();
      const client = isConnected ? broker.connect('c') : broker.open();
      const stream = isConnected ? client.stream() : client.control;
      for (const chunk of chunks) stream.send(chunk);
      check(broker);
      tearDown(broker, [client]);
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test('packets with changed bytes harm nobody', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          sample: fc.nat(SAMPLES.length - 1),
          changes: fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 3 }),
          cut: fc.option(fc.nat(60), { nil: undefined }),
          stream: fc.nat(2),
        }),
        { maxLength: 20 },
      ),
      fc.constantFrom(4 as const, 5 as const),
      (steps, version) => {
        const broker = new TestBroker();
        const client = broker.connect('c', { protocolVersion: version });
        const streams = [client.control, client.stream(), client.stream('unidirectional')];
        for (const { sample, changes, cut, stream } of steps) {
          const packet = SAMPLES[sample].slice();
          for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
          streams[stream].send(cut === undefined ? packet : packet.slice(0, cut));
        }
        check(broker);
        tearDown(broker, [client]);
      },
    ),
    { seed: SEED, numRuns: 3_000 },
  );
});

test('clients that do whatever they like in any order leave nothing behind', () => {
  const draw = random();
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)];
  const topics = ['a', 'a/b', 'a/c', '$x', 'b'];
  const filters = ['a', 'a/+', '#', 'a/#', '+', 'b', '$share/g/a', '$share/g/#'];
  for (let round = 0; round < 60; round++) {
    const broker = new TestBroker({ sessionQueue: { maxBytes: 1_048_576 } });
    const clients: TestClient[] = [];
    const streams: TestStream[] = [];
    const alive = (): TestStream[] => streams.filter(({ channel }) => channel.isOpen);
    for (let step = 0; step < 300; step++) {
      const open = clients.filter(({ closeCode }) => closeCode === -1);
      const kind = Math.floor(draw() * 14);
      if (kind === 0 || open.length === 0) {
        const fields = {
          protocolVersion: pick([4, 5] as const),
          keepAlive: pick([0, 5]),
          receiveMaximum: pick([1, 2, 65_535]),
          cleanStart: draw() < 0.3,
          sessionExpiryInterval: pick([0, 3, 60]),
          ...(draw() < 0.3
            ? {
                will: {
                  topic: pick(topics),
                  payload: utf8('will'),
                  qos: pick([0, 1, 2] as const),
                  retain: draw() < 0.5,
                  delayInterval: pick([0, 1]),
                } as const,
              }
            : {}),
        };
        const client = broker.connect(`c${Math.floor(draw() * 4)}`, fields);
        clients.push(client);
        streams.push(client.control);
        continue;
      }
      const client = pick(open);
      const stream = alive().length === 0 ? client.control : pick(alive());
      switch (kind) {
        case 1:
          streams.push(client.stream(pick(['data', 'data', 'unidirectional'] as const)));
          break;
        case 2:
        case 3: {
          const filter = pick(filters);
          stream.subscribe(filter, {
            qos: pick([0, 1, 2]),
            noLocal: stream.client.version === 5 && draw() < 0.3 && !filter.startsWith('$share'),
          });
          break;
        }
        case 4:
          stream.send(codec.encodeUnsubscribe(3, [pick(filters)], stream.client.version));
          break;
        case 5:
        case 6:
        case 7:
        case 8:
          stream.publish(pick(topics), 'x'.repeat(Math.floor(draw() * 30_000)), {
            qos: pick([0, 1, 2]),
            retain: draw() < 0.3,
          });
          break;
        case 9:
          acknowledge(stream);
          break;
        case 10:
          stream.capacity = pick([0, 100, Infinity]);
          stream.drain(stream.capacity);
          break;
        case 11:
          broker.advance(Math.floor(draw() * 4_000));
          break;
        case 12:
          if (draw() < 0.5) stream.end();
          else stream.reset(pick([0, 1, 0x97]));
          break;
        case 13:
          if (draw() < 0.2) client.drop();
          break;
      }
      check(broker);
      for (const session of broker.core.sessions) assert.ok(session.queuedBytes < 3_000_000, `SEED=${SEED}`);
    }
    tearDown(broker, clients);
  }
});

test('a packet in two pieces does what it does in one', () => {
  const packets = [SAMPLES[2], SAMPLES[4], SAMPLES[3], SAMPLES[5], SAMPLES[8]];
  const bytes = concat(...packets);
  // Answers go before messages, so that the order between the two depends on what came together; within each it does not.
  const run = (cuts: readonly number[]): string => {
    const broker = new TestBroker();
    const client = broker.connect('c');
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      client.control.send(bytes.slice(from, to));
      from = to;
    }
    const messages = client.control.messages();
    return JSON.stringify([messages, client.control.take()]);
  };
  const expected = run([]);
  for (let cut = 1; cut < bytes.length; cut++) assert.is(run([cut]), expected, `cut at ${cut}`);
});

test.run();
