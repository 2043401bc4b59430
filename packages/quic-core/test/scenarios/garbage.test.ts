/** Whatever comes in: nothing breaks, nobody else notices, nothing stays. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fakeProtector, seededRandom, type SeededRandom } from '@mquictt/testkit';
import { nobleProvider } from '@mquictt/tls13';
import { Writer } from '../../src/cursor.ts';
import { setPacketLength, writeLongHeader } from '../../src/packet-header.ts';
import { PacketType } from '../../src/packet-type.ts';
import { protectHeader } from '../../src/protection/header-protection.ts';
import { derivePacketKeys, INITIAL_SUITE, initialSecrets } from '../../src/protection/keys.ts';
import { PacketBatch } from '../../src/protection/protector.ts';
import { VERSION_1 } from '../../src/version.ts';
import { HANDSHAKE, HostilePeer, INITIAL } from './hostile-peer.ts';
import { MovingWorld } from './moving-world.ts';

const test = suite('garbage');

const SEED = Number(process.env['SEED'] ?? 1);
const DATAGRAMS = 100_000;
const INITIALS = 20_000;
const MAX_GROWTH = 5 * 1024 * 1024;

/** Bytes of memory in use when nothing unreachable is left. */
function memory(): number {
  globalThis.gc!();
  globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** An Initial of a client, sealed as it should be, around these frames. */
function sealInitial(random: SeededRandom, dcid: Uint8Array, packetNumber: number, frames: Uint8Array): Uint8Array {
  const { client } = initialSecrets(nobleProvider, VERSION_1, dcid);
  const keys = derivePacketKeys(nobleProvider, fakeProtector, VERSION_1, INITIAL_SUITE, client);
  const out = new Uint8Array(1200);
  const writer = new Writer().reset(out, 0, out.length - 16);
  const scid = random.bytes(random.integer(21));
  const lengthOffset = writeLongHeader(
    writer,
    VERSION_1,
    PacketType.INITIAL,
    dcid,
    scid,
    new Uint8Array(0),
    packetNumber,
    2,
  );
  const payloadStart = writer.position;
  writer.bytes(frames.subarray(0, writer.remaining));
  writer.fill(0, writer.remaining);
  setPacketLength(out, lengthOffset, out.length);
  const batch = new PacketBatch(1);
  batch.add(0, payloadStart, writer.position, packetNumber);
  keys.packetKey.seal(out, batch);
  const mask = new Uint8Array(5);
  keys.headerKey.masks(out, Int32Array.of(payloadStart + 2), 1, mask);
  protectHeader(out, 0, payloadStart - 2, 2, mask, 0);
  return out;
}

/** Frames that are none, nearly some, or almost right. */
function randomFrames(random: SeededRandom, hello: Uint8Array): Uint8Array {
  const kind = random.integer(4);
  if (kind === 0) return random.bytes(1 + random.integer(400));
  if (kind === 1) {
    // A real ClientHello with some bytes changed.
    const frames = hello.slice();
    for (let i = random.integer(4); i >= 0; i--) frames[random.integer(frames.length)] = random.integer(256);
    return frames;
  }
  // Frame types with plausible fields.
  const writer = new Writer().reset(new Uint8Array(600), 0, 600);
  for (let i = 1 + random.integer(6); i > 0 && writer.remaining > 100; i--) {
    writer.varint(kind === 2 ? random.pick([0, 1, 2, 3, 6, 0x1c]) : random.integer(0x24));
    for (let j = random.integer(5); j > 0; j--) writer.varint(random.integer(2 ** random.integer(32)));
    if (random.chance(0.3)) writer.bytes(random.bytes(random.integer(40)));
  }
  return writer.buffer.slice(0, writer.position);
}

function randomDatagram(random: SeededRandom, captures: readonly Uint8Array[]): Uint8Array {
  const kind = captures.length === 0 ? 0 : random.integer(4);
  if (kind === 0) {
    const data = random.bytes(random.integer(1400));
    // Half of them look like long headers of our version.
    if (data.length > 6 && random.chance(0.5)) data.set([0xc0 | (data[0]! & 0x3f), 0, 0, 0, 1, random.integer(22)]);
    return data;
  }
  const capture = random.pick(captures);
  if (kind === 1) return capture.slice(0, random.integer(capture.length + 1));
  const data = capture.slice();
  for (let i = random.integer(3); i >= 0; i--) data[random.integer(data.length)]! ^= 1 << random.integer(8);
  if (kind === 3) data.set(random.bytes(20), random.integer(Math.max(1, data.length - 20)));
  return data;
}

test('garbage of all kinds: no bug shows, the others go on, and memory and counters come back', () => {
  const random = seededRandom(SEED);
  const world = new MovingWorld({ seed: SEED, checkAmplification: false, transport: { handshakeTimeout: 400 } });
  const { client, server } = world.connect();
  const captures: Uint8Array[] = [];
  world.onUp = (bytes) => {
    if (captures.length < 64) captures.push(bytes.slice());
    else if (random.chance(0.05)) captures[random.integer(64)] = bytes.slice();
  };
  const other = new HostilePeer({ role: 'client', seed: SEED, onHandshakeBytes: () => undefined });
  let hello: Uint8Array = new Uint8Array(0);
  new HostilePeer({
    role: 'client',
    seed: SEED,
    onHandshakeBytes: (_space, data) => {
      hello = other.cryptoFrame(0, data);
      return undefined;
    },
  }).start();

  /** One round: some garbage from everywhere, then the clock moves. */
  const round = (count: number, make: (i: number) => Uint8Array): void => {
    for (let done = 0; done < count;) {
      for (let i = 0; i < 250 && done < count; i++, done++) {
        const isFromClient = random.chance(0.3);
        const address = isFromClient ? world.clientPlace.address : `203.0.113.${random.integer(250)}`;
        world.server.deliver(make(done), address, isFromClient ? world.clientPlace.port : 1 + random.integer(60_000));
        if (random.chance(0.1)) world.client.deliver(make(done), '192.0.2.2', 4433);
      }
      world.runFor(20);
    }
  };
  let dcid = random.bytes(8);
  const initial = (i: number): Uint8Array => {
    // A few packets to one connection, then the next.
    if (random.chance(0.6)) dcid = random.bytes(8 + random.integer(13));
    return sealInitial(random, dcid, i & 0x7f, randomFrames(random, hello));
  };

  const keepSending = (): (() => number) => {
    const transfer = world.transfer(client, server, Number.MAX_SAFE_INTEGER);
    return () => transfer.received;
  };
  const received = keepSending();
  const everything = (datagrams: number, initials: number): void => {
    round(datagrams, () => randomDatagram(random, captures));
    round(initials, initial);
    // All handshakes that began have given up by then, and their connections are gone.
    world.runFor(8000);
  };

  // Forwarded copies of fresh packets look like a move, for which the server takes another connection ID: let that be so from the start.
  world.clientPlace = { address: world.clientPlace.address, port: 50_001 };
  world.runFor(1000);
  everything(5_000, 1_000);
  const countersBefore = counters(world);
  const memoryBefore = memory();
  const receivedBefore = received();

  everything(DATAGRAMS, INITIALS);
  const growth = memory() - memoryBefore;
  const { internalErrors, lastInternalError } = world.server.endpoint.stats();
  assert.is(internalErrors, 0, `SEED=${SEED}: ${(lastInternalError as Error)?.stack}`);
  assert.is(world.client.endpoint.stats().internalErrors, 0, `SEED=${SEED}`);
  assert.ok(client.isConnected && server.isConnected, `SEED=${SEED}: ${server.closeError?.message}`);
  assert.ok(
    received() - receivedBefore > 10_000_000,
    `SEED=${SEED}: only ${received() - receivedBefore} bytes arrived`,
  );
  assert.equal(counters(world), countersBefore, `SEED=${SEED}`);
  assert.ok(growth < MAX_GROWTH, `SEED=${SEED}: ${growth} bytes more`);
});

function counters(world: MovingWorld): unknown[] {
  return [world.server, world.client].map(({ endpoint }) => {
    const { connections, halfOpenConnections, connectionIds, resetTokens, timers, pendingEvents, pendingAnswers } =
      endpoint.stats();
    return { connections, halfOpenConnections, connectionIds, resetTokens, timers, pendingEvents, pendingAnswers };
  });
}

test('random frames with the right keys, in every space: the connection may end, and no bug shows', () => {
  const random = seededRandom(SEED + 1);
  const codes = new Set<number>();
  for (let i = 0; i < 300; i++) {
    const role = i % 2 === 0 ? 'client' : 'server';
    const space = random.pick([INITIAL, HANDSHAKE, 2] as const);
    const peer = new HostilePeer({
      role,
      seed: SEED + i,
      acknowledges: space !== INITIAL,
      ...(space === 2 ? {} : { onHandshakeBytes: (index, data) => (index === HANDSHAKE ? undefined : data) }),
    });
    peer.start().runFor(space === 2 ? 100 : 20);
    for (let j = 0; j < 20 && peer.connection!.closeError === undefined; j++) {
      // Mostly one frame of plausible numbers, so that it gets far.
      const writer = new Writer().reset(new Uint8Array(1000), 0, 1000);
      writer.uint8(space === 2 ? 0x02 + random.integer(0x1d) : random.pick([0x01, 0x02, 0x03, 0x06, 0x06]));
      for (let k = 0; k < 4; k++) writer.varint(random.chance(0.8) ? random.integer(8) : random.integer(2 ** 31));
      writer.bytes(random.bytes(random.integer(60)));
      peer.send(space, writer.buffer.slice(0, writer.position)).runFor(2);
    }
    peer.runFor(100);
    const stats = peer.victim.endpoint.stats();
    assert.is(stats.internalErrors, 0, `SEED=${SEED}, round ${i}: ${(stats.lastInternalError as Error)?.stack}`);
    if (peer.connection!.closeError !== undefined) codes.add(peer.connection!.closeError.errorCode);
  }
  // It gets to many corners.
  assert.ok(codes.size >= 6, [...codes].join());
});

test.run();
