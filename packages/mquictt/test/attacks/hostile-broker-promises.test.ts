/** A broker that answers wrongly, late or never, in virtual time: what the application waits for is settled, and why is said. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  SimNetwork,
  Simulation,
  TEST_SERVER_NAME,
  fakeProtector,
  settle,
  simRuntime,
  stages,
  testCertificatePem,
  testRootsPem,
} from '@mquictt/testkit';
import { listen } from '@mquictt/quic-node';
import type { QuicConnection, QuicListener, QuicStream } from '@mquictt/quic-node';
import { nobleProvider } from '@mquictt/tls13';
import { Client, Config, MqttError } from '../../src/index.ts';
import type { ClientOptions } from '../../src/index.ts';
import * as codec from '../../src/packets/codec.ts';
import { publishBytes } from '../support/core-harness.ts';
import { concat } from '../support/hex.ts';
import { rejection } from '../support/loopback.ts';
import { PacketReaderOf } from '../support/packets.ts';
import type { SeenPacket } from '../support/packets.ts';

const test = suite('hostile-broker-promises');

const SERVER = '192.0.2.1';
const CONNACK = codec.encodeConnack({ sessionPresent: false, reasonCode: 0 }, 5);

interface Peer {
  readonly stream: QuicStream;
  readonly packet: SeenPacket;
  readonly connection: QuicConnection;
}

interface World {
  readonly simulation: Simulation;
  connect(options?: ClientOptions): Promise<Client>;
  /** Waits in virtual time. */
  settle<T>(promise: Promise<T>): Promise<T>;
}

/** Runs a client against a broker that is a function from packets to what it does about them. */
async function against(
  serve: (peer: Peer) => void,
  run: (world: World) => Promise<void>,
  maxBidirectionalStreams = 10,
): Promise<void> {
  const simulation = new Simulation({ seed: Number(process.env.SEED ?? 1) });
  const network = new SimNetwork({ simulation, link: () => [stages.delay(5)] });
  const wait = <T>(promise: Promise<T>): Promise<T> => settle(simulation, promise, { limitMs: 300_000 });
  const { certificatePem, keyPem } = testCertificatePem('ed25519');
  const common = { provider: nobleProvider, protector: fakeProtector };
  const listener: QuicListener = await wait(
    listen({
      ...common,
      runtime: simRuntime(network, SERVER),
      host: SERVER,
      port: 14_567,
      alpnProtocols: ['mqtt'],
      certificate: { certificatePem, keyPem },
      transport: { maxBidirectionalStreams },
    }),
  );
  listener.onConnection = (connection) => {
    connection.onStream = (stream) => {
      const reader = new PacketReaderOf(5);
      stream.onReadable = () => {
        for (let chunk = stream.tryRead(); chunk !== undefined; chunk = stream.tryRead())
          for (const packet of reader.read(chunk)) serve({ stream, packet, connection });
      };
      stream.onReadable();
    };
  };
  const clients: Client[] = [];
  const runtime = simRuntime(network, '192.0.2.2');
  await run({
    simulation,
    settle: wait,
    async connect(options = {}) {
      const config = Config.fromPem({ caPem: testRootsPem() });
      const connecting = Client.connect('192.0.2.2:0', `${SERVER}:14567`, TEST_SERVER_NAME, 'c', config, {
        ...common,
        runtime,
        ...options,
      });
      const client = await wait(connecting);
      clients.push(client);
      return client;
    },
  });
  await wait(Promise.all(clients.map((client) => client.close())));
  await wait(listener.close({ deadline: 0 }));
  assert.is(listener.internalErrors, 0);
  // No timer and nothing on its way: the process would end.
  simulation.run(() => false, simulation.now + 100_000);
  assert.is(simulation.nextTime, Infinity, 'A timer is left');
}

/** Accepts CONNECT and answers pings; the rest is up to the test. */
function polite(serve: (peer: Peer) => void): (peer: Peer) => void {
  return (peer) => {
    const { stream, packet } = peer;
    if (packet.type === 1) stream.tryWrite(CONNACK);
    else if (packet.type === 12) stream.tryWrite(codec.PINGRESP);
    else serve(peer);
  };
}

const identifierOf = (packet: SeenPacket): number => (packet as { packetIdentifier: number }).packetIdentifier;
const suback = (packet: SeenPacket): Uint8Array => codec.encodeSuback(identifierOf(packet), [1], 5);
const unsuback = (packet: SeenPacket): Uint8Array => codec.encodeUnsuback(identifierOf(packet), [0], 5);

test('no stream is allowed', () =>
  against(
    () => {},
    async ({ connect }) => {
      const error = await rejection(connect());
      assert.instance(error, MqttError);
      assert.is(error.code, 'ERR_MQTT_UNREACHABLE');
    },
    0,
  ));

test('[MQTT-3.2.2-4] a session where none was wanted', () =>
  against(
    ({ stream }) => void stream.tryWrite(codec.encodeConnack({ sessionPresent: true, reasonCode: 0 }, 5)),
    async ({ connect }) => {
      const error = await rejection(connect());
      assert.is(error.code, 'ERR_MQTT_PROTOCOL');
      assert.is(error.reasonCode, 0x82);
    },
  ));

for (const reasonCode of [0, 0x8b]) {
  test(`DISCONNECT with ${reasonCode}, and then the connection stays`, () =>
    against(
      ({ stream, packet }) => {
        if (packet.type === 1) stream.tryWrite(concat(CONNACK, codec.encodeDisconnect(reasonCode, 'go', 5)));
        else if (packet.type === 12) stream.tryWrite(codec.PINGRESP);
      },
      async ({ connect, settle: wait, simulation }) => {
        const client = await connect();
        const start = simulation.now;
        const error = await wait(client.closed);
        assert.is(error?.code, 'ERR_MQTT_DISCONNECTED');
        assert.is(error?.reasonCode, reasonCode);
        assert.ok(simulation.now - start < 5_000);
        assert.is((await rejection(client.publisher('t', 'x'))).code, 'ERR_MQTT_DISCONNECTED');
      },
    ));
}

test('SUBSCRIBE is never answered', () =>
  against(
    polite(() => {}),
    async ({ connect, settle: wait }) => {
      const client = await connect();
      const error = await rejection(wait(client.subscriber('t')));
      assert.is(error.code, 'ERR_MQTT_TIMEOUT');
    },
  ));

test('SUBSCRIBE is answered by UNSUBACK', () =>
  against(
    polite(({ stream, packet }) => void (packet.type === 8 && stream.tryWrite(unsuback(packet)))),
    async ({ connect, settle: wait }) => {
      const client = await connect();
      assert.is((await rejection(wait(client.subscriber('t')))).code, 'ERR_MQTT_PROTOCOL');
    },
  ));

for (const [what, answer] of [
  ['not answered', () => undefined],
  ['answered by SUBACK', suback],
  ['answered, and its stream not ended', unsuback],
] as const) {
  test(`UNSUBSCRIBE is ${what}`, () =>
    against(
      polite(({ stream, packet }) => {
        if (packet.type === 8) stream.tryWrite(suback(packet));
        const bytes = packet.type === 10 ? answer(packet) : undefined;
        if (bytes !== undefined) stream.tryWrite(bytes);
      }),
      async ({ connect, simulation, settle: wait }) => {
        const client = await connect();
        const subscriber = await wait(client.subscriber('t'));
        const reading = rejection(subscriber.read());
        const start = simulation.now;
        await wait(subscriber.close());
        assert.ok(simulation.now - start < 10_000);
        assert.is((await reading).code, 'ERR_MQTT_CLOSED');
        await wait(subscriber.close());
      },
    ));
}

test('a broker that sends messages and takes no acknowledgement is not read on', () => {
  const pushed: number[] = [0];
  return against(
    polite(({ stream, packet }) => {
      if (packet.type !== 8) return;
      // From now on nothing is read.
      stream.onReadable = undefined;
      stream.tryWrite(suback(packet));
      const batch = concat(...Array.from({ length: 500 }, (_, i) => publishBytes('t', 'x', { qos: 1 }, 5, i + 1)));
      let rest = batch;
      const push = (): void => {
        while (pushed[0] < 20_000_000) {
          const taken = stream.tryWrite(rest);
          pushed[0] += taken;
          rest = taken === rest.length ? batch : rest.subarray(taken);
          if (taken === 0) return;
        }
      };
      stream.onWritable = push;
      push();
    }),
    async ({ connect, simulation, settle: wait }) => {
      const client = await connect();
      const subscriber = await wait(client.subscriber('t'));
      let count = 0;
      const reading = (async () => {
        for await (const payload of subscriber) count += payload.length;
      })();
      await wait(new Promise<void>((resolve) => void simulation.at(simulation.now + 20_000, resolve)));
      // A window of the stream, what the stream buffers, and a bit.
      assert.ok(pushed[0] < 10_000_000, `${pushed[0]} bytes were taken, ${count} messages`);
      await wait(client.close({ deadline: 100 }));
      await reading.catch(() => {});
    },
  );
});

test.run();
