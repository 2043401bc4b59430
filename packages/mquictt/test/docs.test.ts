/** The bytes that docs/mqtt-over-quic.md shows are those that we send. */
import { readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as codec from '../src/packets/codec.ts';
import { TestBroker, publishBytes } from './support/core-harness.ts';
import { concat, hex, toHex } from './support/hex.ts';

const test = suite('docs');

/** The packets of section 6: one per arrow. */
async function shown(): Promise<string[]> {
  const page = await readFile(new URL('../../../docs/mqtt-over-quic.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('## 6. Bytes'), page.indexOf('## 7.'));
  const packets: string[] = [];
  for (const line of section.split('\n').filter((line) => line.startsWith('    '))) {
    const isNew = /->|<-/.test(line);
    // Hex up to the remark, which stands behind two blanks at least.
    const bytes = line
      .replace(/^ +(?:stream \d+ +)?(?:->|<-)? +/, '')
      .split(/ {2,}/)[0]!
      .replaceAll(' ', '');
    if (isNew) packets.push(bytes);
    else packets[packets.length - 1] += bytes;
  }
  return packets;
}

test('the packets are those that client and broker write', async () => {
  const [connect, connack, publish, puback, subscribe, suback, message, answer, ...rest] = await shown();
  assert.equal(rest, []);
  const broker = new TestBroker();
  const client = broker.open();
  const fields = { protocolVersion: 5, clientId: '0', cleanStart: true, keepAlive: 60 } as const;
  const expected = codec.encodeConnect({ ...fields, receiveMaximum: 65_535, maximumPacketSize: 1_048_576 });
  assert.is(connect, toHex(expected));

  // What the broker writes, as bytes.
  const written = (stream: { channel: { poll(capacity: number, now: number): Uint8Array | undefined } }): string => {
    const pieces: Uint8Array[] = [];
    for (let piece = stream.channel.poll(1e6, 0); piece !== undefined; piece = stream.channel.poll(1e6, 0))
      pieces.push(piece);
    return toHex(concat(...pieces));
  };
  client.control.channel.receive(expected, broker.now);
  assert.is(connack, written(client.control));

  const hello = publishBytes('hello/world', 'hello again!', { qos: 1, retain: true });
  assert.is(publish, toHex(hello));
  const publisher = client.stream();
  publisher.channel.receive(hello, broker.now);
  assert.is(puback, written(publisher));

  const request = { topicFilter: 'hello/world', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  const wanted = codec.encodeSubscribe(2, [request], 0, 5);
  assert.is(subscribe, toHex(wanted));
  const subscriber = client.stream();
  subscriber.channel.receive(wanted, broker.now);
  assert.is(`${suback}${message}`, written(subscriber));
  subscriber.channel.receive(hex(answer!), broker.now);
  assert.is(client.session.inFlight.size, 0);
});

test.run();
