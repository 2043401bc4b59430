import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import { decodePacket } from '../../src/packets/codec.ts';
import { encodeMessageProperties, readMessageProperties } from '../../src/packets/message-properties.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';
import { PublishView, encodePublish } from '../../src/packets/publish.ts';
import { PacketSplitter } from '../../src/packets/splitter.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { anyPacket } from '../support/arbitrary-packets.ts';
import { packetOf } from '../support/codec.ts';
import { utf8 } from '../support/hex.ts';
import { SEED } from '../support/seed.ts';

const test = suite('packet fuzz');

const KNOWN = new Set<number>(Object.values(ReasonCode));
const view = new PublishView();

/** Reads whatever it is. @returns whether it was read */
function tryRead(stream: Uint8Array, version: ProtocolVersion, sender: 'client' | 'server' | undefined): boolean {
  const splitter = new PacketSplitter(100_000);
  splitter.push(stream);
  try {
    for (let header = splitter.next(); header !== -1; header = splitter.next()) {
      const { buffer, start, bodyStart, end } = splitter;
      if (header >> 4 === 3) {
        view.read(header, buffer, bodyStart, end, version);
        view.topic();
        readMessageProperties(view);
        assert.ok(view.payloadStart >= bodyStart && view.payloadStart <= end);
      } else {
        decodePacket(buffer, start, bodyStart, end, version, sender);
      }
    }
    return true;
  } catch (error) {
    // Nothing else ever comes out, and its reason code is one that can be sent.
    assert.instance(error, PacketError, String((error as Error).stack));
    assert.ok((error as PacketError).reasonCode >= 0x80 && KNOWN.has((error as PacketError).reasonCode));
    assert.ok((error as PacketError).message !== '');
    return false;
  }
}

const anyVersion = fc.constantFrom<ProtocolVersion>(3, 4, 5);
const anySender = fc.constantFrom('client' as const, 'server' as const, undefined);

const anyPublish = fc
  .record({
    version: anyVersion,
    qos: fc.nat(2),
    topic: fc.stringMatching(/^[a-z/]{1,10}$/),
    payload: fc.uint8Array({ maxLength: 20 }),
    userProperties: fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 })), { maxLength: 3 }),
    topicAlias: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
  })
  .map(({ version, qos, topic, payload, userProperties, topicAlias }) => {
    const properties = encodeMessageProperties({
      isText: true,
      responseTopic: 'r',
      correlationData: payload,
      userProperties: userProperties.map(([name, value]) => [name.replaceAll('\0', ''), value.replaceAll('\0', '')]),
    });
    const fields = { topic: utf8(topic), payload, qos, retain: false, properties, topicAlias, expiresAt: 1_000 };
    const encoded = encodePublish(fields, version);
    const bytes = encoded.buffer.slice(encoded.start, encoded.end);
    if (encoded.identifierOffset !== -1) bytes[encoded.identifierOffset - encoded.start] = 1;
    return { version, bytes };
  });

/** A change: a byte at a place gets another value, is left out, or one is put before it. */
const anyChange = fc.record({
  at: fc.nat(10_000),
  kind: fc.constantFrom('set', 'flip', 'remove', 'insert'),
  value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x26, 0x1f)),
});

function change(bytes: Uint8Array, { at, kind, value }: { at: number; kind: string; value: number }): Uint8Array {
  const list = [...bytes];
  const place = at % (list.length + 1);
  if (kind === 'insert') list.splice(place, 0, value);
  else if (kind === 'remove') list.splice(place, 1);
  else if (place < list.length) list[place] = kind === 'set' ? value : list[place] ^ (1 << (value & 7));
  return Uint8Array.from(list);
}

test('bytes of chance raise nothing but a PacketError', () => {
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.uint8Array({ maxLength: 60 }),
      anyVersion,
      anySender,
      (header, body, version, sender) => {
        tryRead(packetOf(header, body), version, sender);
      },
    ),
    { seed: SEED, numRuns: 10_000 },
  );
});

test('packets with changed bytes raise nothing but a PacketError', () => {
  let read = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      fc.oneof({ weight: 4, arbitrary: anyPacket }, { weight: 1, arbitrary: anyPublish }),
      fc.array(anyChange, { minLength: 1, maxLength: 4 }),
      anyVersion,
      anySender,
      ({ bytes, version }, changes, otherVersion, sender) => {
        // The length stays right most of the time, so that the change is looked at.
        let headerEnd = 1;
        while (bytes[headerEnd] >= 0x80) headerEnd++;
        const body = changes.reduce(change, bytes.subarray(headerEnd + 1));
        for (const spoken of [version, otherVersion]) {
          if (tryRead(packetOf(bytes[0], body), spoken, sender)) read++;
          else refused++;
        }
        tryRead(changes.reduce(change, bytes), version, sender);
      },
    ),
    { seed: SEED, numRuns: 6_000 },
  );
  // The fuzzer reaches both sides of the checks.
  assert.ok(read > 500 && refused > 500, `${read} read, ${refused} refused`);
});

test('a packet that is cut off anywhere raises nothing but a PacketError', () => {
  fc.assert(
    fc.property(fc.oneof(anyPacket, anyPublish), anySender, ({ bytes, version }, sender) => {
      let headerEnd = 1;
      while (bytes[headerEnd] >= 0x80) headerEnd++;
      const body = bytes.subarray(headerEnd + 1);
      for (let length = 0; length < body.length; length++)
        tryRead(packetOf(bytes[0], body.slice(0, length)), version, sender);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test.run();
