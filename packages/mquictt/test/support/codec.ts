/** Tables of packets as bytes, and what must hold of each. */
import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import { decodePacket } from '../../src/packets/codec.ts';
import type { Packet } from '../../src/packets/codec.ts';
import type { ProtocolVersion, Sender } from '../../src/packets/packet-types.ts';
import { PacketSplitter } from '../../src/packets/splitter.ts';
import { hex, toHex } from './hex.ts';

type Suite = ReturnType<typeof suite>;

/** @param packet one whole packet that is no PUBLISH */
export function decode(packet: Uint8Array, version: ProtocolVersion, sender?: Sender): Packet {
  const splitter = new PacketSplitter(268_435_460);
  splitter.push(packet);
  assert.is.not(splitter.next(), -1, 'incomplete');
  assert.is(splitter.end, packet.length, 'bytes after the packet');
  return decodePacket(splitter.buffer, splitter.start, splitter.bodyStart, splitter.end, version, sender);
}

/** A body with its fixed header. */
export function packetOf(header: number, body: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Uint8Array.from([header, ...length, ...body]);
}

export interface Fixture {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly sender: Sender | undefined;
  readonly bytes: string;
  /** Left out where we do not write the packet in that form. */
  readonly encode?: () => Uint8Array;
  /** Fields that the packet has among others. */
  readonly expected: Readonly<Record<string, unknown>>;
  /** Lengths of the body below the full one that are packets as well. */
  readonly shorter?: readonly number[];
}

export function testFixture(test: Suite, fixture: Fixture): void {
  const { name, version, sender, encode, expected, shorter = [] } = fixture;
  const packet = hex(fixture.bytes);

  if (encode !== undefined)
    test(`${name}: encode`, () => {
      assert.is(toHex(encode()), toHex(packet));
    });

  test(`${name}: decode`, () => {
    const found = decode(packet, version, sender) as unknown as Record<string, unknown>;
    for (const [field, value] of Object.entries(expected)) assert.equal(found[field], value, field);
    // Nothing of it lies in the bytes read, which belong to the transport.
    const bytes = packet.slice();
    const read = decode(bytes, version, sender);
    bytes.fill(0xff);
    assert.equal(read, found);
  });

  test(`${name}: every truncation of the body is refused but those that are packets too`, () => {
    const splitter = new PacketSplitter(100_000);
    splitter.push(packet);
    splitter.next();
    const body = packet.subarray(splitter.bodyStart);
    for (let length = 0; length < body.length; length++) {
      const read = (): Packet => decode(packetOf(packet[0], body.slice(0, length)), version, sender);
      if (shorter.includes(length)) read();
      else assert.throws(read, (error: unknown) => error instanceof PacketError, `${length} bytes were enough`);
    }
  });
}

export interface Refusal {
  readonly what: string;
  readonly version: ProtocolVersion;
  readonly sender?: Sender;
  readonly bytes: string;
  readonly reasonCode: number;
}

/** @param statement as in `[MQTT-3.8.3-4]`, or the section that says so */
export function refusal(
  statement: string,
  what: string,
  version: ProtocolVersion,
  bytes: string,
  reasonCode: number,
  sender?: Sender,
): Refusal {
  return { what: `${statement} ${what}`, version, bytes, reasonCode, ...(sender === undefined ? {} : { sender }) };
}

export function testRefusal(test: Suite, { what, version, sender, bytes, reasonCode }: Refusal): void {
  test(`${what} is refused with 0x${reasonCode.toString(16)}`, () => {
    assertRefused(() => decode(hex(bytes), version, sender), reasonCode);
  });
}

export function assertRefused(read: () => unknown, reasonCode: number): void {
  try {
    read();
  } catch (error) {
    assert.instance(error, PacketError, String(error));
    assert.is((error as PacketError).reasonCode, reasonCode, (error as PacketError).message);
    return;
  }
  assert.unreachable('The packet was read');
}
