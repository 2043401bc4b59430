/** What is on the wire, spoken by hand: a client that is not ours. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RootStore, connect } from '@mquictt/quic-node';
import type { QuicConnection, QuicStream } from '@mquictt/quic-node';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { encodePuback } from '../../src/packets/puback.ts';
import { publishBytes } from '../support/core-harness.ts';
import { hex } from '../support/hex.ts';
import { developmentCertificates, until, withBroker } from '../support/loopback.ts';
import type { World } from '../support/loopback.ts';
import { PacketReaderOf } from '../support/packets.ts';
import type { SeenPacket, SeenPublish } from '../support/packets.ts';

const test = suite('dialect');

async function dial({ broker }: World, alpnProtocols: string[] = ['mqtt']): Promise<QuicConnection> {
  const { caPem } = await developmentCertificates();
  return connect({ ...broker.address(), serverName: 'localhost', alpnProtocols, roots: RootStore.fromPem(caPem) });
}

const CONNECT = codec.encodeConnect({ protocolVersion: 5, clientId: 'raw', cleanStart: true, keepAlive: 0 });
const subscribe = (topicFilter: string, version: 4 | 5 = 5): Uint8Array =>
  codec.encodeSubscribe(
    1,
    [{ topicFilter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    0,
    version,
  );

class Packets {
  readonly stream: QuicStream;
  readonly #reader: PacketReaderOf;
  readonly #packets: SeenPacket[] = [];

  constructor(stream: QuicStream, version: 4 | 5 = 5) {
    this.stream = stream;
    this.#reader = new PacketReaderOf(version);
  }

  async next(): Promise<SeenPacket> {
    while (this.#packets.length === 0) {
      const chunk = await this.stream.read();
      if (chunk === undefined) throw new Error('The stream ended');
      this.#packets.push(...this.#reader.read(chunk));
    }
    return this.#packets.shift()!;
  }
}

async function failure(promise: Promise<unknown>): Promise<{ code: string; errorCode: number }> {
  try {
    await promise;
  } catch (error) {
    return error as { code: string; errorCode: number };
  }
  throw new Error('Expected a rejection');
}

test('streams that come before CONNECT wait for it, whatever the order', () =>
  withBroker(async (world) => {
    const connection = await dial(world);
    const control = await connection.openStream();
    const early = await connection.openStream();
    const reader = await connection.openStream();
    await early.end(publishBytes('t', 'early', { qos: 1, retain: true })).catch(() => {});
    await reader.write(subscribe('t'));
    await until(() => world.broker.stats().messagesReceived === 0);
    await control.write(CONNECT);
    assert.is((await new Packets(control).next()).type, PacketType.CONNACK);
    const packets = new Packets(reader);
    assert.is((await packets.next()).type, PacketType.SUBACK);
    assert.is(((await packets.next()) as SeenPublish).text, 'early');
    await connection.close();
  }));

test('[MQTT311-7.0.0-2] MQTT 3.1.1 on a single stream', () =>
  withBroker(async (world) => {
    const connection = await dial(world);
    const packets = new Packets(await connection.openStream(), 4);
    const { stream } = packets;
    await stream.write(codec.encodeConnect({ protocolVersion: 4, clientId: 'old', cleanStart: true, keepAlive: 60 }));
    assert.equal(await packets.next(), { type: PacketType.CONNACK, sessionPresent: false, reasonCode: 0 });
    await stream.write(subscribe('a/+', 4));
    assert.is((await packets.next()).type, PacketType.SUBACK);
    await stream.write(publishBytes('a/b', 'hi', { qos: 1 }, 4, 9));
    const [puback, message] = [await packets.next(), await packets.next()];
    assert.is(puback.type, PacketType.PUBACK);
    assert.is((message as SeenPublish).text, 'hi');
    await stream.write(encodePuback((message as SeenPublish).packetIdentifier));
    await stream.write(codec.PINGREQ);
    assert.is((await packets.next()).type, PacketType.PINGRESP);
    await stream.end(hex('e0 00'));
    const error = await connection.closed;
    assert.is(error?.code, 'ERR_QUIC_APPLICATION_CLOSE');
    assert.is(error?.errorCode, 0);
  }));

test('unidirectional streams publish', () =>
  withBroker(async (world) => {
    const connection = await dial(world);
    const packets = new Packets(await connection.openStream());
    await packets.stream.write(CONNECT);
    await packets.next();
    await packets.stream.write(subscribe('#'));
    await packets.next();
    const stream = await connection.openStream({ bidirectional: false });
    await stream.end(publishBytes('uni', 'one way'));
    assert.is(((await packets.next()) as SeenPublish).text, 'one way');
    const wrong = await connection.openStream({ bidirectional: false });
    const stopped = new Promise((resolve) => {
      wrong.onStopped = resolve;
    });
    await wrong.write(publishBytes('uni', 'no answer possible', { qos: 1 }));
    assert.is(await stopped, 0x9b);
    await connection.close();
  }));

test('FIN is answered by FIN and a reset by a stop with the same code; the connection lives', () =>
  withBroker(async (world) => {
    const connection = await dial(world);
    const packets = new Packets(await connection.openStream());
    await packets.stream.write(CONNECT);
    await packets.next();
    const ending = await connection.openStream();
    await ending.end(publishBytes('t', 'x'));
    assert.is(await ending.read(), undefined);
    const resetting = await connection.openStream();
    await resetting.write(subscribe('t'));
    await until(() => world.broker.stats().subscriptions === 1);
    resetting.reset(0x42);
    // The broker's half of it goes as well, with the same code, or has been read to its end before.
    for (;;) {
      const chunk = await resetting.read().catch((error: { errorCode: number }) => error);
      if (chunk instanceof Uint8Array) continue;
      assert.is((chunk as { errorCode: number }).errorCode, 0x42);
      break;
    }
    await until(() => world.broker.stats().subscriptions === 0);
    const wrong = await connection.openStream();
    await wrong.write(CONNECT);
    assert.is((await failure(wrong.read())).errorCode, 0x82);
    await packets.stream.write(codec.PINGREQ);
    assert.is((await packets.next()).type, PacketType.PINGRESP);
    await connection.close();
  }));

const HOSTILE: readonly [string, string, number][] = [
  ['a flow header', '11 00 00 00', 0x81],
  ['PUBLISH before CONNECT', '30 04 0001 61 00', 0x82],
  ['another protocol', '10 0c 0004 4d515455 04 02 0000 0000', 0x84],
  ['HTTP', '47455420 2f20', 0x82],
];

for (const [what, bytes, errorCode] of HOSTILE) {
  test(`a connection that begins with ${what} is closed with ${errorCode}`, () =>
    withBroker(async (world) => {
      const connection = await dial(world);
      const control = await connection.openStream();
      await control.write(hex(bytes));
      const error = await connection.closed;
      assert.is(error?.code, 'ERR_QUIC_APPLICATION_CLOSE');
      assert.is(error?.errorCode, errorCode);
      await until(() => world.broker.stats().flows === 0);
    }));
}

test('too many streams before CONNECT are an overload', () =>
  withBroker(async (world) => {
    const connection = await dial(world);
    const streams = await Promise.all(Array.from({ length: 200 }, () => connection.openStream()));
    for (const stream of streams.slice(1)) stream.write(publishBytes('t', 'x')).catch(() => {});
    const error = await connection.closed;
    assert.is(error?.errorCode, 2);
    await until(() => world.broker.stats().flows === 0);
    assert.is(world.broker.stats().messagesReceived, 0);
  }));

test('a reset of the control stream ends the connection', () =>
  withBroker(async (world) => {
    const connection = await dial(world);
    const packets = new Packets(await connection.openStream());
    await packets.stream.write(CONNECT);
    await packets.next();
    packets.stream.reset(0);
    const error = await connection.closed;
    assert.is(error?.errorCode, 1);
    await until(() => world.broker.stats().sessions === 0);
  }));

test('another ALPN is refused in the handshake', () =>
  withBroker(async (world) => {
    const error = await failure(dial(world, ['h3']));
    assert.is(error.code, 'ERR_QUIC_TLS');
  }));

test.run();
