/** When WebAssembly is used, what happens where it cannot be, and that it gives nothing away. What it computes is in protector.test.ts. */
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeProtector } from '../../src/node/protector.ts';
import { createWasmProtector, fastProtector, type WasmEngine } from '../../src/node/wasm-protector.ts';
import { PacketBatch, TAG_LENGTH } from '../../src/protection/protector.ts';
import type { PacketProtector } from '../../src/protection/protector.ts';
import { toHex } from '../support/vectors.ts';

const engine = (globalThis as unknown as { WebAssembly: WasmEngine }).WebAssembly;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const IV = Uint8Array.from({ length: 12 }, (_, i) => 100 + i);

const test = suite('wasm protector');

function sealed(protector: PacketProtector, length: number, headerLength: number): Uint8Array {
  const buffer = Uint8Array.from({ length: headerLength + length + TAG_LENGTH }, (_, i) => i);
  const batch = new PacketBatch(1);
  batch.add(0, headerLength, headerLength + length, 7);
  protector.packetKey('chacha20-poly1305', KEY, IV).seal(buffer, batch);
  return buffer;
}

/** An engine that counts what is made of it. */
function counting(): WasmEngine & { modules: number } {
  const counted = {
    modules: 0,
    validate: engine.validate,
    Instance: engine.Instance,
    Module: function (bytes: Uint8Array) {
      counted.modules++;
      return new engine.Module(bytes);
    } as unknown as WasmEngine['Module'],
  };
  return counted;
}

test('this Node has WebAssembly SIMD, so it is the default and prefers ChaCha20', () => {
  assert.is(fastProtector.name, 'wasm');
  assert.is(fastProtector.prefers, 'chacha20-poly1305');
  assert.is(nodeProtector.prefers, undefined);
  assert.is(createWasmProtector(), fastProtector);
});

test('without WebAssembly, and where SIMD is not valid, there is none', () => {
  assert.is(createWasmProtector({ engine: null }), undefined);
  assert.is(createWasmProtector({ engine: { ...counting(), validate: () => false } }), undefined);
});

test('the probe is SIMD and nothing else that an engine could lack', () => {
  let probe = new Uint8Array(0);
  createWasmProtector({
    engine: {
      ...counting(),
      validate: (bytes) => {
        probe = bytes.slice();
        return false;
      },
    },
  });
  assert.ok(engine.validate(probe));
  // Another opcode behind the prefix of SIMD: not valid, so the opcode is looked at.
  probe[probe.length - 2] = 0x7f;
  assert.not(engine.validate(probe));
});

test('an engine that refuses the memory leaves everything to node:crypto', () => {
  const refusing = counting();
  const protector = createWasmProtector({
    engine: {
      ...refusing,
      Instance: function () {
        throw new RangeError('could not allocate memory');
      } as unknown as WasmEngine['Instance'],
    },
  })!;
  assert.is(protector.prefers, undefined);
  assert.equal(sealed(protector, 300, 12), sealed(nodeProtector, 300, 12));
  protector.headerKey('chacha20-poly1305', KEY);
  assert.is(refusing.modules, 1);
});

test('the module is compiled when it is first wanted, and once', () => {
  const counted = counting();
  const protector = createWasmProtector({ engine: counted })!;
  protector.packetKey('aes-128-gcm', KEY.subarray(0, 16), IV);
  protector.headerKey('aes-256-gcm', KEY);
  assert.is(counted.modules, 0);
  for (let i = 0; i < 3; i++) {
    protector.packetKey('chacha20-poly1305', KEY, IV);
    protector.headerKey('chacha20-poly1305', KEY);
  }
  assert.is(counted.modules, 1);
});

test('two keys of one module do not disturb each other', () => {
  const expected = sealed(nodeProtector, 500, 20);
  const packetKey = fastProtector.packetKey('chacha20-poly1305', KEY, IV);
  const other = fastProtector.packetKey(
    'chacha20-poly1305',
    KEY.map((byte) => ~byte),
    IV,
  );
  const otherHeader = fastProtector.headerKey(
    'chacha20-poly1305',
    KEY.map((byte) => byte ^ 5),
  );
  const batch = new PacketBatch(1);
  batch.add(0, 20, 520, 7);
  for (let i = 0; i < 3; i++) {
    const buffer = Uint8Array.from({ length: 536 }, (_, i) => i);
    packetKey.seal(buffer, batch);
    assert.equal(buffer, expected);
    other.seal(buffer, batch);
    otherHeader.masks(buffer, Int32Array.of(3), 1, new Uint8Array(5));
  }
});

test('keys that are Buffers out of the pool are copied like any other', () => {
  const batch = new PacketBatch(1);
  batch.add(0, 0, 20, 7);
  const key = Buffer.from(KEY);
  const iv = Buffer.from(IV);
  const packetKey = fastProtector.packetKey('chacha20-poly1305', key, iv);
  key.fill(0);
  iv.fill(0);
  const buffer = Uint8Array.from({ length: 36 }, (_, i) => i);
  packetKey.seal(buffer, batch);
  assert.equal(buffer, sealed(nodeProtector, 20, 0));
});

test('headers and payloads around 4 KiB, where node:crypto takes over, give what node:crypto gives', () => {
  for (const [length, headerLength] of [
    [4095, 12],
    [4096, 12],
    [4097, 12],
    [65_527, 0],
    [4096, 4096],
    [4096, 4097],
    [0, 4096],
    [0, 4097],
  ] as const) {
    assert.is(toHex(sealed(fastProtector, length, headerLength)), toHex(sealed(nodeProtector, length, headerLength)));
  }
});

test('small and large packets can be in one batch, and large ones forged', () => {
  const lengths = [1200, 8900, 20, 5000, 4096, 9000];
  const make = (): { buffer: Uint8Array; batch: PacketBatch } => {
    const batch = new PacketBatch(lengths.length);
    let at = 0;
    lengths.forEach((length, i) => {
      batch.add(at, at + 11, at + 11 + length, 40 + i);
      at += 11 + length + TAG_LENGTH;
    });
    return { buffer: Uint8Array.from({ length: at }, (_, i) => i * 7), batch };
  };
  const [ours, theirs] = [make(), make()];
  const packetKey = fastProtector.packetKey('chacha20-poly1305', KEY, IV);
  packetKey.seal(ours.buffer, ours.batch);
  nodeProtector.packetKey('chacha20-poly1305', KEY, IV).seal(theirs.buffer, theirs.batch);
  assert.is(toHex(ours.buffer), toHex(theirs.buffer));
  ours.buffer[ours.batch.payloadStart[3]! + 4000]! ^= 1;
  for (let i = 0; i < lengths.length; i++) ours.batch.payloadEnd[i]! += TAG_LENGTH;
  packetKey.open(ours.buffer, ours.batch);
  assert.equal([...ours.batch.ok], [1, 1, 1, 0, 1, 1]);
});

test('a refused packet stays encrypted, in the buffer and in the memory of the module', () => {
  const memories: ArrayBuffer[] = [];
  const protector = createWasmProtector({
    engine: {
      ...counting(),
      Instance: function (module: object, imports: object) {
        const instance = new engine.Instance(module, imports);
        memories.push((instance.exports as { memory: { buffer: ArrayBuffer } }).memory.buffer);
        return instance;
      } as unknown as WasmEngine['Instance'],
    },
  })!;
  const packetKey = protector.packetKey('chacha20-poly1305', KEY, IV);
  const secret = Buffer.from('this must not be seen '.repeat(30));
  const packet = new Uint8Array(secret.length + TAG_LENGTH);
  // Sealed elsewhere, so that the plaintext was never in that memory.
  packet.set(secret);
  const batch = new PacketBatch(1);
  batch.add(0, 0, secret.length, 7);
  nodeProtector.packetKey('chacha20-poly1305', KEY, IV).seal(packet, batch);
  batch.payloadEnd[0] = packet.length;
  packet[packet.length - 1]! ^= 1;
  const before = packet.slice();
  packetKey.open(packet, batch);
  assert.is(batch.ok[0], 0);
  assert.equal(packet, before);
  assert.is(memories.length, 1);
  assert.not(Buffer.from(memories[0]!).includes('must not'));

  packet[packet.length - 1]! ^= 1;
  packetKey.open(packet, batch);
  assert.is(batch.ok[0], 1);
  assert.is(Buffer.from(packet.subarray(0, secret.length)).toString(), secret.toString());
});

test('a process without WebAssembly seals with node:crypto', () => {
  const program = `
    import { fastProtector, nodeProtector } from '@mquictt/quic-core/node';
    console.log(typeof WebAssembly, fastProtector === nodeProtector, fastProtector.prefers);`;
  const args = ['--jitless', '--conditions=@mquictt/source', '--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.is(stdout.trim(), 'undefined true undefined', stderr);
});

test.run();
