/** RFC 9001 Appendix A, bit for bit, with every protector. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nobleProvider, TLS_CHACHA20_POLY1305_SHA256 } from '@mquictt/tls13';
import { nodeProvider } from '@mquictt/tls13/node';
import { Writer } from '../../src/cursor.ts';
import { nodeProtector } from '../../src/node/protector.ts';
import { createWasmProtector } from '../../src/node/wasm-protector.ts';
import {
  PacketHeader,
  PacketType,
  readHeader,
  setPacketLength,
  writeLongHeader,
  writeShortHeader,
} from '../../src/packet-header.ts';
import { decodePacketNumber, readPacketNumber } from '../../src/packet-number.ts';
import { protectHeader, unprotectHeader } from '../../src/protection/header-protection.ts';
import { INITIAL_SUITE, derivePacketKeys, initialSecrets, nextSecret } from '../../src/protection/keys.ts';
import type { PacketKeys } from '../../src/protection/keys.ts';
import { portableProtector } from '../../src/protection/portable.ts';
import { MASK_LENGTH, PacketBatch, TAG_LENGTH } from '../../src/protection/protector.ts';
import type { PacketProtector } from '../../src/protection/protector.ts';
import { isRetryAuthentic, retryIntegrityTag } from '../../src/retry.ts';
import { VERSION_1 } from '../../src/version.ts';
import { fromHex, readVectors, toHex } from '../support/vectors.ts';

interface Keys {
  readonly key: string;
  readonly iv: string;
  readonly hp: string;
}

interface Packet {
  readonly packet_number: number;
  readonly unprotected_header: string;
  readonly sample: string;
  readonly mask: string;
  readonly header: string;
  readonly protected_packet: string;
}

interface Vectors {
  readonly client_dcid: string;
  readonly keys: {
    readonly client: Keys & { readonly client_initial_secret: string };
    readonly server: Keys & { readonly server_initial_secret: string };
  };
  readonly client_initial: Packet & { readonly crypto_frame: string; readonly payload_length: number };
  readonly server_initial: Packet & { readonly payload: string };
  readonly retry: { readonly original_dcid: string; readonly packet: string };
  readonly chacha20_short_header: {
    readonly keys: Keys & { readonly secret: string; readonly ku: string };
    readonly protect: Readonly<Record<string, string>>;
    readonly sample: string;
    readonly mask: string;
    readonly packet: string;
  };
}

const vectors = readVectors<Vectors>('rfc9001-appendix-a.json');
const PROTECTORS: readonly PacketProtector[] = [portableProtector, nodeProtector, createWasmProtector()!];
const PROVIDERS = [nobleProvider, nodeProvider];

const test = suite('RFC 9001 appendix A');

/** Remembers what it was asked for. */
function recorder(protector: PacketProtector, into: string[]): PacketProtector {
  return {
    name: protector.name,
    packetKey(algorithm, key, iv) {
      into.push(toHex(key), toHex(iv));
      return protector.packetKey(algorithm, key, iv);
    },
    headerKey(algorithm, key) {
      into.push(toHex(key));
      return protector.headerKey(algorithm, key);
    },
  };
}

for (const provider of PROVIDERS) {
  test(`${provider.name}: Initial secrets and keys`, () => {
    const secrets = initialSecrets(provider, VERSION_1, fromHex(vectors.client_dcid));
    assert.is(toHex(secrets.client), vectors.keys.client.client_initial_secret);
    assert.is(toHex(secrets.server), vectors.keys.server.server_initial_secret);
    for (const [secret, keys] of [
      [secrets.client, vectors.keys.client],
      [secrets.server, vectors.keys.server],
    ] as const) {
      const derived: string[] = [];
      derivePacketKeys(provider, recorder(portableProtector, derived), VERSION_1, INITIAL_SUITE, secret);
      assert.equal([...derived].sort(), [keys.key, keys.iv, keys.hp].sort());
    }
  });

  test(`${provider.name}: ChaCha20 keys and the secret of the next phase`, () => {
    const { keys } = vectors.chacha20_short_header;
    const secret = fromHex(keys.secret);
    const derived: string[] = [];
    derivePacketKeys(provider, recorder(portableProtector, derived), VERSION_1, TLS_CHACHA20_POLY1305_SHA256, secret);
    assert.equal([...derived].sort(), [keys.key, keys.iv, keys.hp].sort());
    assert.is(toHex(nextSecret(provider, VERSION_1, TLS_CHACHA20_POLY1305_SHA256, secret)), keys.ku);
  });

  test(`${provider.name}: the Retry integrity tag`, () => {
    const packet = fromHex(vectors.retry.packet);
    const dcid = fromHex(vectors.retry.original_dcid);
    assert.equal(retryIntegrityTag(provider, VERSION_1, dcid, packet.subarray(0, -16)), packet.slice(-16));
    assert.ok(isRetryAuthentic(provider, VERSION_1, dcid, packet));
    for (let bit = 0; bit < packet.length * 8; bit += 5) {
      const forged = packet.slice();
      forged[bit >> 3]! ^= 1 << (bit & 7);
      assert.not(isRetryAuthentic(provider, VERSION_1, dcid, forged));
    }
    assert.not(isRetryAuthentic(provider, VERSION_1, fromHex('8394c8f03e515709'), packet));
    assert.not(isRetryAuthentic(provider, VERSION_1, dcid, packet.subarray(0, 10)));
  });
}

/** Seals what was written to buffer[0..payloadEnd) and protects its header, as a sender does. */
function seal(
  keys: PacketKeys,
  buffer: Uint8Array,
  packetNumberOffset: number,
  packetNumberLength: number,
  payloadEnd: number,
  packetNumber: number,
): string {
  const batch = new PacketBatch(1);
  batch.add(0, packetNumberOffset + packetNumberLength, payloadEnd, packetNumber);
  keys.packetKey.seal(buffer, batch);
  const mask = new Uint8Array(MASK_LENGTH);
  keys.headerKey.masks(buffer, Int32Array.of(packetNumberOffset + 4), 1, mask);
  protectHeader(buffer, 0, packetNumberOffset, packetNumberLength, mask, 0);
  return toHex(mask);
}

/** Opens a packet as a receiver does. */
function open(
  keys: PacketKeys,
  packet: Uint8Array,
  localCidLength: number,
  largestReceived: number,
): { header: string; payload: string; packetNumber: number; ok: boolean } {
  const header = new PacketHeader();
  assert.ok(readHeader(header, packet, 0, packet.length, localCidLength));
  const mask = new Uint8Array(MASK_LENGTH);
  keys.headerKey.masks(packet, Int32Array.of(header.sampleOffset), 1, mask);
  const length = unprotectHeader(packet, 0, header.packetNumberOffset, mask, 0);
  const truncated = readPacketNumber(packet, header.packetNumberOffset, length);
  const packetNumber = decodePacketNumber(largestReceived, truncated, length);
  const payloadStart = header.packetNumberOffset + length;
  const batch = new PacketBatch(1);
  batch.add(0, payloadStart, header.packetEnd, packetNumber);
  keys.packetKey.open(packet, batch);
  return {
    header: toHex(packet.subarray(0, payloadStart)),
    payload: toHex(packet.subarray(payloadStart, header.packetEnd - TAG_LENGTH)),
    packetNumber,
    ok: batch.ok[0] === 1,
  };
}

for (const protector of PROTECTORS) {
  const secrets = initialSecrets(nobleProvider, VERSION_1, fromHex(vectors.client_dcid));
  const client = derivePacketKeys(nobleProvider, protector, VERSION_1, INITIAL_SUITE, secrets.client);
  const server = derivePacketKeys(nobleProvider, protector, VERSION_1, INITIAL_SUITE, secrets.server);
  const clientPayload = new Uint8Array(vectors.client_initial.payload_length);
  clientPayload.set(fromHex(vectors.client_initial.crypto_frame));

  for (const { name, keys, vector, payload, dcid, scid, packetNumberLength } of [
    {
      name: 'client Initial',
      keys: client,
      vector: vectors.client_initial,
      payload: clientPayload,
      dcid: vectors.client_dcid,
      scid: '',
      packetNumberLength: 4,
    },
    {
      name: 'server Initial',
      keys: server,
      vector: vectors.server_initial,
      payload: fromHex(vectors.server_initial.payload),
      dcid: '',
      scid: 'f067a5502a4262b5',
      packetNumberLength: 2,
    },
  ]) {
    test(`${protector.name} seals the ${name}`, () => {
      const buffer = new Uint8Array(vector.protected_packet.length / 2);
      const writer = new Writer().reset(buffer, 0, buffer.length);
      const lengthOffset = writeLongHeader(
        writer,
        VERSION_1,
        PacketType.INITIAL,
        fromHex(dcid),
        fromHex(scid),
        new Uint8Array(0),
        vector.packet_number,
        packetNumberLength,
      );
      const headerEnd = writer.position;
      writer.bytes(payload);
      setPacketLength(buffer, lengthOffset, writer.position + TAG_LENGTH);
      assert.is(toHex(buffer.subarray(0, headerEnd)), vector.unprotected_header);
      const mask = seal(keys, buffer, lengthOffset + 2, packetNumberLength, writer.position, vector.packet_number);
      assert.is(mask, vector.mask);
      assert.is(toHex(buffer.subarray(0, headerEnd)), vector.header);
      assert.is(toHex(buffer), vector.protected_packet);
    });

    test(`${protector.name} opens the ${name}`, () => {
      const opened = open(keys, fromHex(vector.protected_packet), 8, -1);
      assert.ok(opened.ok);
      assert.is(opened.header, vector.unprotected_header);
      assert.is(opened.packetNumber, vector.packet_number);
      assert.is(opened.payload, toHex(payload));
    });

    test(`${protector.name} refuses the ${name} with the other side's keys`, () => {
      assert.not(open(keys === client ? server : client, fromHex(vector.protected_packet), 8, -1).ok);
    });
  }

  const chacha = vectors.chacha20_short_header;
  const chachaKeys = derivePacketKeys(
    nobleProvider,
    protector,
    VERSION_1,
    TLS_CHACHA20_POLY1305_SHA256,
    fromHex(chacha.keys.secret),
  );
  const packetNumber = Number(chacha.protect['pn']);

  test(`${protector.name} seals the ChaCha20 packet with a short header`, () => {
    const buffer = new Uint8Array(chacha.packet.length / 2);
    const writer = new Writer().reset(buffer, 0, buffer.length);
    const offset = writeShortHeader(writer, new Uint8Array(0), 0, 0, packetNumber, 3);
    assert.is(toHex(buffer.subarray(0, writer.position)), chacha.protect['unprotected header']);
    writer.bytes(fromHex(chacha.protect['payload plaintext'] ?? ''));
    assert.is(seal(chachaKeys, buffer, offset, 3, writer.position, packetNumber), chacha.mask);
    assert.is(toHex(buffer), chacha.packet);
  });

  test(`${protector.name} opens the ChaCha20 packet with a short header`, () => {
    const opened = open(chachaKeys, fromHex(chacha.packet), 0, packetNumber - 1);
    assert.ok(opened.ok);
    assert.is(opened.packetNumber, packetNumber);
    assert.is(opened.payload, chacha.protect['payload plaintext']);
  });
}

test.run();
