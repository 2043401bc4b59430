/** What a client makes of a broker that does not behave. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listen } from '@mquictt/quic-node';
import type { QuicConnection, QuicStream } from '@mquictt/quic-node';
import { Client, Config, MqttError } from '../../src/index.ts';
import * as codec from '../../src/packets/codec.ts';
import { publishBytes } from '../support/core-harness.ts';
import { hex, text } from '../support/hex.ts';
import { developmentCertificates, rejection } from '../support/loopback.ts';
import { SEED, random } from '../support/seed.ts';

const test = suite('hostile-broker');

const CONNACK = codec.encodeConnack({ sessionPresent: false, reasonCode: 0 }, 5);

/** Runs a client against a broker that is a function from streams to what happens on them. */
async function against(
  serve: (stream: QuicStream, connection: QuicConnection) => void,
  run: (connect: (options?: object) => Promise<Client>) => Promise<void>,
): Promise<void> {
  const { caPem, certificatePem, keyPem } = await developmentCertificates();
  const certificate = { certificatePem, keyPem };
  const listener = await listen({ host: '127.0.0.1', port: 0, alpnProtocols: ['mqtt'], certificate });
  listener.onConnection = (connection) => {
    connection.onStream = (stream) => serve(stream, connection);
  };
  const clients: Client[] = [];
  try {
    await run(async (options = {}) => {
      const config = Config.fromPem({ caPem });
      const client = await Client.connect('127.0.0.1:0', listener.address, 'localhost', 'c', config, options);
      clients.push(client);
      return client;
    });
  } finally {
    await Promise.all(clients.map((client) => client.close({ deadline: 100 })));
    await listener.close({ deadline: 0 });
  }
}

/** Accepts CONNECT, and does something on the other streams with what comes first. */
function accepting(onData: (stream: QuicStream, chunk: Uint8Array) => void) {
  return (stream: QuicStream): void => {
    stream.onReadable = () => {
      const chunk = stream.tryRead();
      if (chunk === undefined) return;
      if (stream.id === 0) stream.tryWrite(CONNACK);
      else onData(stream, chunk);
    };
    stream.onReadable();
  };
}

const ANSWERS: readonly [string, Uint8Array, string, number][] = [
  [
    'a refusal',
    codec.encodeConnack({ sessionPresent: false, reasonCode: 0x87, reasonString: 'no' }, 5),
    'ERR_MQTT_CONNECTION_REFUSED',
    0x87,
  ],
  ['a refusal in the form of MQTT 3.1.1', hex('20 02 00 84'), 'ERR_MQTT_CONNECTION_REFUSED', 0x84],
  ['another packet', hex('d0 00'), 'any', 0],
  ['PUBLISH first', publishBytes('t', 'x', { qos: 1 }), 'any', 0],
  ['a malformed CONNACK', hex('20 03 02 00 00'), 'ERR_MQTT_MALFORMED_PACKET', 0x81],
  ['garbage', hex('00 00 00'), 'ERR_MQTT_MALFORMED_PACKET', 0x81],
  ['two CONNACKs', Uint8Array.of(...CONNACK, ...CONNACK), 'any', 0],
];

for (const [what, answer, code, reasonCode] of ANSWERS) {
  test(`${what} as the answer to CONNECT`, () =>
    against(
      (stream) => {
        stream.tryWrite(answer);
      },
      async (connect) => {
        try {
          const client = await connect({ timeout: 10_000 });
          const error = await client.closed;
          assert.instance(error, MqttError);
        } catch (error) {
          assert.instance(error, MqttError);
          if (code !== 'any') assert.is((error as MqttError).code, code);
          if (code !== 'any') assert.is((error as MqttError).reasonCode, reasonCode);
        }
      },
    ));
}

test('no answer to CONNECT', () =>
  against(
    () => {},
    async (connect) => {
      const error = await rejection(connect({ timeout: 150 }));
      assert.is(error.code, 'ERR_MQTT_TIMEOUT');
      assert.match(error.message, /did not answer CONNECT/);
    },
  ));

test('an end of the control stream, and of the connection, before CONNACK', () =>
  against(
    (stream, connection) => {
      if (Math.abs(stream.id) === 0) stream.tryWrite(new Uint8Array(0), true);
      void connection;
    },
    async (connect) => {
      assert.is((await rejection(connect())).code, 'ERR_MQTT_DISCONNECTED');
    },
  ));

test('a broker that closes with a reason code says why', () =>
  against(
    (_stream, connection) => void connection.close({ errorCode: 0x89, immediate: true }),
    async (connect) => {
      const error = await rejection(connect());
      assert.is(error.code, 'ERR_MQTT_DISCONNECTED');
      assert.is(error.reasonCode, 0x89);
      assert.match(error.message, /server busy/);
    },
  ));

test('what is wrong on a stream of a subscriber ends that subscriber', () =>
  against(
    accepting((stream) => {
      stream.tryWrite(codec.encodeSuback(1, [1], 5));
      stream.tryWrite(publishBytes('t', 'fine', { qos: 1 }));
      stream.tryWrite(publishBytes('t', 'x', { qos: 2 }));
    }),
    async (connect) => {
      const client = await connect();
      const subscriber = await client.subscriber('t');
      assert.is(text(await subscriber.read()), 'fine');
      const error = await rejection(subscriber.read());
      assert.is(error.code, 'ERR_MQTT_PROTOCOL');
      assert.is(error.reasonCode, 0x9b);
      await subscriber.close();
    },
  ));

test('a refused subscription, and one that is answered with another identifier', () =>
  against(
    accepting((stream, chunk) => {
      const [high, low] = [chunk[2], chunk[3]];
      const identifier = (high! << 8) | low!;
      const isFirst = text(chunk).includes('refused');
      stream.tryWrite(codec.encodeSuback(isFirst ? identifier : identifier + 7, [0x87], 5));
    }),
    async (connect) => {
      const client = await connect();
      const error = await rejection(client.subscriber('refused'));
      assert.is(error.code, 'ERR_MQTT_SUBSCRIPTION_REFUSED');
      assert.is(error.reasonCode, 0x87);
      assert.is((await rejection(client.subscriber('confused'))).code, 'ERR_MQTT_PROTOCOL');
    },
  ));

test('a refused message, and a reset stream of a publisher', () =>
  against(
    accepting((stream, chunk) => {
      if (text(chunk).includes('refuse')) stream.tryWrite(codec.encodeRefusingPuback(1, 0x97));
      else stream.stop(0x83);
    }),
    async (connect) => {
      const client = await connect();
      const publisher = await client.publisher('t');
      const refused = await rejection(publisher.publish('refuse'));
      assert.is(refused.code, 'ERR_MQTT_PUBLISH_REFUSED');
      assert.is(refused.reasonCode, 0x97);
      const reset = await rejection(publisher.publish('x'));
      assert.is(reset.code, 'ERR_MQTT_STREAM_CLOSED');
      assert.is(reset.reasonCode, 0x83);
      assert.is((await rejection(publisher.publish('y'))).code, 'ERR_MQTT_STREAM_CLOSED');
      assert.is((await rejection(publisher.close())).code, 'ERR_MQTT_STREAM_CLOSED');
    },
  ));

test('acknowledgements of nothing are ignored', () =>
  against(
    accepting((stream) => {
      stream.tryWrite(hex('40 02 0009 40 02 ffff 40 02 0001'));
    }),
    async (connect) => {
      const client = await connect();
      const publisher = await client.publisher('t', 'x');
      assert.is(publisher.bufferedBytes, 0);
    },
  ));

test('a broker may not open streams', () => {
  let opened: QuicStream | undefined;
  return against(
    (stream, connection) => {
      opened ??= connection.tryOpenStream() ?? connection.tryOpenStream(false);
      accepting(() => {})(stream);
    },
    async (connect) => {
      await connect();
      assert.is(opened, undefined);
    },
  );
});

test('garbage of any kind never leaves a promise hanging or throws past one', () =>
  against(
    accepting((stream) => {
      const draw = random(SEED + stream.id);
      const samples = [
        hex('40 02 0001'),
        codec.encodeSuback(1, [0], 5),
        publishBytes('t', 'x'),
        codec.PINGRESP,
        hex('e0 00'),
      ];
      const bytes = samples[Math.floor(draw() * samples.length)]!.slice();
      bytes[Math.floor(draw() * bytes.length)] = Math.floor(draw() * 256);
      stream.tryWrite(bytes, draw() < 0.5);
    }),
    async (connect) => {
      const client = await connect();
      const outcomes = Array.from({ length: 100 }, (_, i) =>
        i % 2 === 0 ? client.publisher(`t/${i}`, 'x', { timeout: 500 }) : client.subscriber(`t/${i}`, { timeout: 500 }),
      );
      for (const { status, ...rest } of await Promise.allSettled(outcomes)) {
        if (status === 'rejected') assert.instance((rest as PromiseRejectedResult).reason, MqttError, `SEED=${SEED}`);
      }
    },
  ));

test.run();
