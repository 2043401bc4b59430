/**
 * Packet protection with ChaCha20-Poly1305 in WebAssembly SIMD (RFC 9001 §5.3, §5.4.4); AES and packets of more than 4 KiB stay with node:crypto.
 *
 * node:crypto pays 4 to 5 µs for a cipher object before it encrypts a byte. A call into WebAssembly costs 0.01 µs and a whole packet of 1,200
 * bytes about 2, copied in and out: a third of the time (Node 20, 2026-11; `npm run bench -- protector`). The module is constant time by construction: see wasm/chacha20-poly1305.ts.
 */
import type { AeadAlgorithm } from '@mquictt/tls13';
import { NONCE_LENGTH, checkKeyLength, writeNonce } from '../protection/nonce.ts';
import { MASK_LENGTH, PacketBatch, SAMPLE_LENGTH, TAG_LENGTH } from '../protection/protector.ts';
import type { HeaderKey, PacketKey, PacketProtector } from '../protection/protector.ts';
import { CHACHA20_POLY1305_WASM } from './chacha20-poly1305.wasm.ts';
import { nodeProtector } from './protector.ts';

/** The few members of the global WebAssembly that are used: neither lib ES2023 nor Node's types declare it. */
export interface WasmEngine {
  readonly validate: (bytes: Uint8Array) => boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

export interface WasmProtectorOptions {
  /** null is for an engine without WebAssembly. @default the global WebAssembly, where there is one */
  readonly engine?: WasmEngine | null;
}

/** What the module exports. Numbers come as WebAssembly.Global. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly key: { readonly value: number };
  readonly nonce: { readonly value: number };
  readonly samples: { readonly value: number };
  readonly masks: { readonly value: number };
  readonly maxSamples: { readonly value: number };
  readonly header: { readonly value: number };
  readonly payload: { readonly value: number };
  readonly maxLength: { readonly value: number };
  readonly seal: (headerLength: number, payloadLength: number) => void;
  readonly open: (headerLength: number, payloadLength: number) => number;
  readonly mask: (count: number) => void;
}

/** The module `(func (result v128) i32.const 0 i8x16.splat)`: it is not valid where SIMD is unknown. */
const SIMD_PROBE: Uint8Array = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b,
]);

/** Longest header that is copied byte by byte: a view for TypedArray.set() costs 40 ns, a byte 2. Short headers have 25 at most. */
const SHORT_HEADER = 32;

/** Bytes of a mask in the module's memory. */
const MASK_STRIDE = 8;

/** 32-bit words of a key. */
const KEY_WORDS = 8;

/** The module with views of its memory, which never grows. All use is synchronous: whoever calls writes key and nonce first. */
class ChaChaModule {
  readonly memory: Uint8Array;
  readonly key: Int32Array;
  readonly nonce: Uint8Array;
  readonly samples: number;
  readonly masks: number;
  readonly maxSamples: number;
  readonly header: number;
  readonly payload: number;
  readonly maxLength: number;
  readonly seal: (headerLength: number, payloadLength: number) => void;
  readonly open: (headerLength: number, payloadLength: number) => number;
  readonly mask: (count: number) => void;

  constructor(engine: WasmEngine) {
    const module = new engine.Module(Buffer.from(CHACHA20_POLY1305_WASM, 'base64'));
    const exports = new engine.Instance(module, {}).exports as Exports;
    const { buffer } = exports.memory;
    this.memory = new Uint8Array(buffer);
    this.key = new Int32Array(buffer, exports.key.value, KEY_WORDS);
    this.nonce = new Uint8Array(buffer, exports.nonce.value, NONCE_LENGTH);
    this.samples = exports.samples.value;
    this.masks = exports.masks.value;
    this.maxSamples = exports.maxSamples.value;
    this.header = exports.header.value;
    this.payload = exports.payload.value;
    this.maxLength = exports.maxLength.value;
    this.seal = exports.seal;
    this.open = exports.open;
    this.mask = exports.mask;
  }

  /** Eight words by hand: 5 ns, and TypedArray.set() 30. */
  setKey(key: Int32Array): void {
    const to = this.key;
    for (let i = 0; i < KEY_WORDS; i++) to[i] = key[i]!;
  }

  /** Copies a header and what follows it in. `end` is the end of the tag when there is one. */
  copyIn(buffer: Uint8Array, headerStart: number, payloadStart: number, end: number): void {
    const { memory, header } = this;
    if (payloadStart - headerStart <= SHORT_HEADER) {
      for (let i = headerStart, to = header; i < payloadStart; i++, to++) memory[to] = buffer[i]!;
    } else {
      memory.set(buffer.subarray(headerStart, payloadStart), header);
    }
    memory.set(buffer.subarray(payloadStart, end), this.payload);
  }

  fits(headerLength: number, payloadLength: number): boolean {
    return headerLength <= this.maxLength && payloadLength <= this.maxLength;
  }
}

/** A copy as words in this machine's order, which is how they go back into memory: so the bytes stay what they are. */
function keyWords(key: Uint8Array): Int32Array {
  return new Int32Array(new Uint8Array(key).buffer);
}

/** One packet out of a batch. All use is synchronous. */
const single = new PacketBatch(1);

class WasmPacketKey implements PacketKey {
  readonly #module: ChaChaModule;
  readonly #key: Int32Array;
  readonly #iv: Uint8Array;
  /** The same key for what does not fit into the module, made when the first such packet comes. */
  #large: PacketKey | undefined = undefined;

  constructor(module: ChaChaModule, key: Uint8Array, iv: Uint8Array) {
    this.#module = module;
    this.#key = keyWords(key);
    this.#iv = new Uint8Array(iv);
  }

  seal(buffer: Uint8Array, batch: PacketBatch): void {
    const module = this.#module;
    const { memory, payload } = module;
    module.setKey(this.#key);
    for (let i = 0; i < batch.count; i++) {
      const headerStart = batch.headerStart[i]!;
      const start = batch.payloadStart[i]!;
      const end = batch.payloadEnd[i]!;
      if (!module.fits(start - headerStart, end - start)) {
        this.#largeKey(batch, i).seal(buffer, single);
        continue;
      }
      writeNonce(module.nonce, this.#iv, batch.packetNumber[i]!);
      module.copyIn(buffer, headerStart, start, end);
      module.seal(start - headerStart, end - start);
      buffer.set(memory.subarray(payload, payload + end - start + TAG_LENGTH), start);
    }
  }

  open(buffer: Uint8Array, batch: PacketBatch): void {
    const module = this.#module;
    const { memory, payload } = module;
    module.setKey(this.#key);
    for (let i = 0; i < batch.count; i++) {
      batch.ok[i] = 0;
      const headerStart = batch.headerStart[i]!;
      const start = batch.payloadStart[i]!;
      const end = batch.payloadEnd[i]! - TAG_LENGTH;
      if (end < start) continue;
      if (!module.fits(start - headerStart, end - start)) {
        this.#largeKey(batch, i).open(buffer, single);
        batch.ok[i] = single.ok[0]!;
        continue;
      }
      writeNonce(module.nonce, this.#iv, batch.packetNumber[i]!);
      module.copyIn(buffer, headerStart, start, end + TAG_LENGTH);
      if (module.open(start - headerStart, end - start) === 0) continue;
      buffer.set(memory.subarray(payload, payload + end - start), start);
      batch.ok[i] = 1;
    }
  }

  /** Puts packet i into `single`. */
  #largeKey(batch: PacketBatch, i: number): PacketKey {
    single.count = 0;
    single.add(batch.headerStart[i]!, batch.payloadStart[i]!, batch.payloadEnd[i]!, batch.packetNumber[i]!);
    return (this.#large ??= nodeProtector.packetKey('chacha20-poly1305', new Uint8Array(this.#key.buffer), this.#iv));
  }
}

/** Four samples make one step of the module, so a mask costs 0.24 µs alone and 0.09 µs in a batch; 0.44 in JavaScript (Node 20, 2026-11). */
class WasmHeaderKey implements HeaderKey {
  readonly #module: ChaChaModule;
  readonly #key: Int32Array;

  constructor(module: ChaChaModule, key: Uint8Array) {
    this.#module = module;
    this.#key = keyWords(key);
  }

  masks(buffer: Uint8Array, sampleStart: Int32Array, count: number, out: Uint8Array): void {
    const module = this.#module;
    const { memory, samples, masks, maxSamples } = module;
    module.setKey(this.#key);
    for (let done = 0; done < count; done += maxSamples) {
      const step = Math.min(count - done, maxSamples);
      for (let i = 0; i < step; i++) {
        const from = sampleStart[done + i]!;
        const to = samples + i * SAMPLE_LENGTH;
        for (let j = 0; j < SAMPLE_LENGTH; j++) memory[to + j] = buffer[from + j]!;
      }
      module.mask(step);
      for (let i = 0; i < step; i++) {
        const from = masks + i * MASK_STRIDE;
        const to = (done + i) * MASK_LENGTH;
        for (let j = 0; j < MASK_LENGTH; j++) out[to + j] = memory[from + j]!;
      }
    }
  }
}

class WasmProtector implements PacketProtector {
  readonly name: string = 'wasm';
  readonly #engine: WasmEngine;
  #module: ChaChaModule | undefined = undefined;
  #hasFailed: boolean = false;

  constructor(engine: WasmEngine) {
    this.#engine = engine;
  }

  get prefers(): AeadAlgorithm | undefined {
    return this.#load() === undefined ? undefined : 'chacha20-poly1305';
  }

  packetKey(algorithm: AeadAlgorithm, key: Uint8Array, iv: Uint8Array): PacketKey {
    const module = algorithm === 'chacha20-poly1305' ? this.#load() : undefined;
    if (module === undefined) return nodeProtector.packetKey(algorithm, key, iv);
    checkKeyLength(algorithm, key, iv);
    return new WasmPacketKey(module, key, iv);
  }

  headerKey(algorithm: AeadAlgorithm, key: Uint8Array): HeaderKey {
    const module = algorithm === 'chacha20-poly1305' ? this.#load() : undefined;
    if (module === undefined) return nodeProtector.headerKey(algorithm, key);
    checkKeyLength(algorithm, key);
    return new WasmHeaderKey(module, key);
  }

  /** Compiles when it is first wanted, 0.5 to 4 ms. Memory may be refused, by a limit on the address space for example: then node:crypto does it all. */
  #load(): ChaChaModule | undefined {
    if (this.#module === undefined && !this.#hasFailed) {
      try {
        this.#module = new ChaChaModule(this.#engine);
      } catch {
        this.#hasFailed = true;
      }
    }
    return this.#module;
  }
}

function globalEngine(): WasmEngine | null {
  return (globalThis as { WebAssembly?: WasmEngine }).WebAssembly ?? null;
}

/** One for all of this thread, so that the module is there once. */
let shared: PacketProtector | undefined = undefined;

/** @returns undefined where the engine has no WebAssembly SIMD */
export function createWasmProtector(options: WasmProtectorOptions = {}): PacketProtector | undefined {
  const { engine = globalEngine() } = options;
  if (engine === null || !engine.validate(SIMD_PROBE)) return undefined;
  if (options.engine !== undefined) return new WasmProtector(engine);
  return (shared ??= new WasmProtector(engine));
}

/** The default on Node: WebAssembly where it has SIMD, else node:crypto alone. */
export const fastProtector: PacketProtector = createWasmProtector() ?? nodeProtector;
