/** Peers that speak QUIC well and MQTT badly, over loopback: the broker survives, forgets them, and has made no mistake of its own. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RootStore, connect, listen, nodeRuntime } from '@mquictt/quic-node';
import type { QuicConnection, QuicListener, QuicStream } from '@mquictt/quic-node';
import { Broker } from '../../src/broker/broker.ts';
import { BrokerCore } from '../../src/core/broker-core.ts';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { encodePuback } from '../../src/packets/puback.ts';
import { QuicTransportListener } from '../../src/transports/quic.ts';
import { publishBytes } from '../support/core-harness.ts';
import { concat, hex, utf8 } from '../support/hex.ts';
import { developmentCertificates, until } from '../support/loopback.ts';
import { PacketReaderOf } from '../support/packets.ts';
import { SEED, random } from '../support/seed.ts';

const test = suite('hostile-peers');

interface World {
  readonly broker: Broker;
  readonly core: BrokerCore;
  dial(): Promise<QuicConnection>;
}

/** Runs a test with a broker whose insides can be looked at, and checks at the end that nothing is left in there. */
async function withBroker(run: (world: World) => Promise<void>): Promise<void> {
  const { caPem, certificatePem, keyPem } = await developmentCertificates();
  const logs: unknown[] = [];
  const core = new BrokerCore({
    random: nodeRuntime.random,
    log: (level, message, fields) => level === 'error' && logs.push(message, fields),
  });
  const listener: QuicListener = await listen({
    host: '127.0.0.1',
    port: 0,
    alpnProtocols: ['mqtt'],
    certificate: { certificatePem, keyPem },
    transport: { maxIdleTimeout: 0, maxBidirectionalStreams: 1_024, streamSendBuffer: 262_144 },
  });
  const broker = new Broker(
    { listeners: [new QuicTransportListener(listener)], setCertificate: () => {} },
    core,
    nodeRuntime,
  );
  const unexpected: unknown[] = [];
  const onUnexpected = (error: unknown): void => void unexpected.push(error);
  process.on('uncaughtException', onUnexpected).on('unhandledRejection', onUnexpected);
  const connections: QuicConnection[] = [];
  const dial = async (): Promise<QuicConnection> => {
    const connection = await connect({
      ...listener.address,
      serverName: 'localhost',
      alpnProtocols: ['mqtt'],
      roots: RootStore.fromPem(caPem),
    });
    connections.push(connection);
    return connection;
  };
  try {
    await run({ broker, core, dial });
    await Promise.all(connections.map((connection) => connection.close({ immediate: true })));
    await until(() => broker.stats().flows === 0);
    const { sessions, subscriptions, queuedBytes, internalErrors } = broker.stats();
    assert.equal(
      { sessions, subscriptions, queuedBytes, internalErrors, logs },
      {
        sessions: 0,
        subscriptions: 0,
        queuedBytes: 0,
        internalErrors: 0,
        logs: [],
      },
    );
    await until(() => core.nextTimeout() === Infinity);
    assert.is(listener.internalErrors, 0);
    assert.equal(unexpected, [], `SEED=${SEED}`);
  } finally {
    await broker.close();
    process.off('uncaughtException', onUnexpected).off('unhandledRejection', onUnexpected);
  }
}

const connectBytes = (clientId: string, fields: Partial<codec.ConnectFields> = {}): Uint8Array =>
  codec.encodeConnect({ protocolVersion: 5, clientId, cleanStart: true, keepAlive: 0, ...fields });

const subscribeBytes = (filters: readonly string[]): Uint8Array =>
  codec.encodeSubscribe(
    1,
    filters.map((topicFilter) => ({
      topicFilter,
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    })),
    0,
    5,
  );

/** Opens the control stream and waits for CONNACK. */
async function login(
  connection: QuicConnection,
  clientId: string,
  fields?: Partial<codec.ConnectFields>,
): Promise<QuicStream> {
  const stream = await connection.openStream();
  await stream.write(connectBytes(clientId, fields));
  const [connack] = new PacketReaderOf(5).read((await stream.read())!);
  assert.is(connack.type, PacketType.CONNACK);
  return stream;
}

test('clients that open, write, stop, reset and leave at random', () =>
  withBroker(async ({ dial, broker }) => {
    const draw = random();
    const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)];
    const will = { topic: 'w', payload: utf8('will'), qos: 1, retain: true } as const;
    const samples = [
      connectBytes('again'),
      subscribeBytes(['a/+', '#', 'w']),
      subscribeBytes(['$share/x/y', '']),
      codec.encodeUnsubscribe(7, ['#'], 5),
      publishBytes('a/b', 'x'.repeat(20_000), { qos: 1, retain: true }),
      publishBytes('a/c', 'y', { qos: 1 }, 5, 65_535),
      publishBytes('w', '', { retain: true }),
      encodePuback(9),
      hex('40 02 0000'),
      hex('30 ff ff ff 7f'),
      hex('32 80 80 04'),
      hex('c0 00'),
      hex('f0 00'),
      hex('00 00 00'),
      codec.encodeDisconnect(0, undefined, 5),
    ];
    const live = async (i: number): Promise<void> => {
      const connection = await dial();
      const streams: QuicStream[] = [];
      const isPolite = draw() < 0.7;
      if (isPolite)
        streams.push(
          await login(connection, `c${i % 5}`, draw() < 0.5 ? { will } : {})
            .catch(() => connection.openStream())
            .catch(() => undefined as never),
        );
      for (let step = 0; step < 60 && connection.closeError === undefined; step++) {
        const stream = streams.length === 0 ? undefined : pick(streams);
        const kind = Math.floor(draw() * 16);
        if (stream === undefined || kind < 3) {
          const bidirectional = draw() < 0.85;
          const opened = connection.tryOpenStream(bidirectional);
          if (opened !== undefined) streams.push(opened);
        } else if (kind < 11) {
          const bytes = concat(pick(samples), pick(samples));
          void stream.write(bytes.slice(0, draw() < 0.3 ? Math.floor(draw() * bytes.length) : undefined));
        } else if (kind === 11) stream.end(draw() < 0.5 ? pick(samples) : undefined).catch(() => {});
        else if (kind === 12 && stream.id !== 0) stream.reset(pick([0, 1, 0x97, 2 ** 40]));
        else if (kind === 13 && stream.id !== 0) stream.stop(pick([0, 1, 0x97, 2 ** 40]));
        else if (kind === 14) stream.tryRead();
        else await new Promise((resolve) => setTimeout(resolve, draw() * 5));
      }
      if (draw() < 0.5) await connection.close({ immediate: true });
    };
    for (let round = 0; round < 6; round++) {
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          live(i).catch((error: { code?: string }) => {
            assert.match(error.code ?? String(error), /ERR_QUIC/);
          }),
        ),
      );
    }
    // An honest client is served as ever.
    const connection = await dial();
    await login(connection, 'honest');
    assert.ok(broker.stats().sessions >= 1);
  }));

test('a packet whose length is announced and that never comes costs next to nothing, on a thousand streams', () =>
  withBroker(async ({ dial, broker }) => {
    const connection = await dial();
    await login(connection, 'c');
    const before = process.memoryUsage();
    const streams = await Promise.all(Array.from({ length: 1_000 }, () => connection.openStream()));
    for (const stream of streams) await stream.write(concat(hex('30 ff ff 3e 0001 61 00'), new Uint8Array(100)));
    await until(() => broker.stats().flows === 1_001);
    globalThis.gc?.();
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    // Both sides of it, streams included.
    assert.ok(grown < 40_000_000, `${grown} bytes`);
  }));

test('CONNECT that comes byte by byte is not waited for', () =>
  withBroker(async ({ dial, core }) => {
    const connection = await dial();
    const stream = await connection.openStream();
    const bytes = connectBytes('slow');
    await stream.write(bytes.slice(0, 1));
    await until(() => core.nextTimeout() !== Infinity);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const deadline = core.nextTimeout();
    for (const byte of bytes.slice(1, 10)) {
      await stream.write(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.is(core.nextTimeout(), deadline, 'Bytes of CONNECT put its deadline off');
    assert.ok(deadline - nodeRuntime.now() < 10_000);
  }));

test('a stream that its peer stopped before CONNECT is given up', () =>
  withBroker(async ({ dial, broker }) => {
    const connection = await dial();
    const control = await connection.openStream();
    const early = await connection.openStream();
    void early.write(subscribeBytes(['#']));
    early.stop(0x42);
    // The stop is there before CONNECT is.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await control.write(connectBytes('c'));
    await until(() => broker.stats().sessions === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.is(broker.stats().subscriptions, 0);
    assert.is(broker.stats().flows, 1);
  }));

test('clients that come and go leave counters as they were', () =>
  withBroker(async ({ dial, broker }) => {
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const connection = await dial();
          if (i % 4 === 0) return connection.close({ immediate: true });
          const stream = await login(connection, `c${i % 3 === 0 ? i : 'same'}`).catch(() => undefined);
          if (i % 4 === 1) await stream?.end(codec.encodeDisconnect(0, undefined, 5)).catch(() => {});
          await connection.close({ immediate: true });
        }),
      );
    }
    await until(() => broker.stats().sessions === 0 && broker.stats().flows === 0);
  }));

test.run();
