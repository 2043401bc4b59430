import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SubscribePacket } from '../../src/packets/codec.ts';
import { decodePacket } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { PacketSplitter } from '../../src/packets/splitter.ts';
import { anyPacket } from '../support/arbitrary-packets.ts';
import { decode } from '../support/codec.ts';
import { concat } from '../support/hex.ts';
import { SEED } from '../support/seed.ts';

const test = suite('round trip');

test('what is written is read, field by field', () => {
  fc.assert(
    fc.property(anyPacket, ({ version, bytes, expected }) => {
      const packet = decode(bytes, version);
      if (packet.type !== PacketType.SUBSCRIBE) {
        assert.equal(packet, expected);
        return;
      }
      const { subscriptions, ...rest } = packet as SubscribePacket;
      const requests = subscriptions.map(({ topicFilter, qos, noLocal, retainAsPublished, retainHandling }) => ({
        topicFilter,
        qos,
        noLocal,
        retainAsPublished,
        retainHandling,
      }));
      assert.equal({ ...rest, requests }, expected);
    }),
    { seed: SEED, numRuns: 3_000 },
  );
});

test('packets that come one after another, in pieces of any size, are the same packets', () => {
  fc.assert(
    fc.property(
      fc.array(anyPacket, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
      (packets, sizes) => {
        const stream = concat(...packets.map(({ bytes }) => bytes));
        const splitter = new PacketSplitter(1_000_000);
        let count = 0;
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length];
          splitter.push(stream.slice(at, at + size));
          at += size;
          while (splitter.next() !== -1) {
            const { buffer, start, bodyStart, end } = splitter;
            const { version, bytes } = packets[count++];
            assert.equal(decodePacket(buffer, start, bodyStart, end, version), decode(bytes, version));
          }
        }
        assert.is(count, packets.length);
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

test.run();
