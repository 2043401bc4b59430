/**
 * The arithmetic of the WebAssembly Poly1305 at its limits, against BigInt. Packets cannot get there: their multiplier comes out of ChaCha20, so a
 * carry that is lost once in 2^30 blocks would be lost on every other test.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../build-wasm.ts';

const P = 2n ** 130n - 5n;
const WORD = 2n ** 32n;
const DATA = 2048;

interface Wasm {
  memory: { buffer: ArrayBuffer };
  absorbData(blocks: number): void;
  finish(): void;
}

interface Engine {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
}

const test = suite('Poly1305 in WebAssembly');

let loaded: Wasm | undefined = undefined;

function load(): Wasm {
  return (loaded ??= compileForTest());
}

function compileForTest(): Wasm {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;
  const addition = `
    export function absorbData(blocks: i32): void { absorb(HEADER, HEADER + 16 * blocks); }
    export function finish(): void { v128.store(SAMPLES, tagOf()); }`;
  return new Instance(new Module(compile(addition))).exports as Wasm;
}

/** Offsets of the accumulator, the multiplier, the summand and the result; the source has the same. */
const [ACCUMULATOR, MULTIPLIER, SUMMAND, RESULT] = [384, 424, 464, 512];

function words(value: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => (value / WORD ** BigInt(i)) % WORD);
}

// Where development dependencies are left out there is nothing that compiles it.
test('the largest and the oddest values do not overflow', () => {
  const wasm = load();
  const view = new DataView(wasm.memory.buffer);
  const ONES = WORD ** 4n - 1n;
  const LARGEST = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffffn;
  const multipliers = [
    LARGEST,
    0n,
    1n,
    2n,
    3n,
    4n,
    5n,
    0x0fff_ffffn,
    0x0fff_fffc_0000_0000_0000_0000_0000_0000n,
    LARGEST - 1n,
    LARGEST - 3n,
  ];
  const blocks = [ONES, 0n, 1n, ONES - 4n, ONES - 5n, P % WORD ** 4n, WORD - 1n, ONES - (WORD - 1n), 5n, 6n];
  // The words as they come: what is added never exceeds these.
  const starts = [0n, 1n, P - 1n, P, P + 1n, P - 2n, 2n ** 130n - 1n, 2n ** 128n, 2n ** 128n - 1n];
  const summands = [0n, ONES, 1n];
  let checked = 0;
  for (const r of multipliers) {
    for (const start of starts) {
      for (const first of blocks) {
        for (const rest of blocks) {
          for (const count of [0, 1, 9]) {
            const summand = summands[checked % summands.length]!;
            words(start, 5).forEach((word, i) => view.setBigUint64(ACCUMULATOR! + 8 * i, word, true));
            words(r, 4).forEach((word, i) => view.setBigUint64(MULTIPLIER! + 8 * i, word, true));
            words(summand, 4).forEach((word, i) => view.setUint32(SUMMAND! + 4 * i, Number(word), true));
            let expected = start;
            for (let i = 0; i < count; i++) {
              const block = i === 0 ? first : rest;
              words(block, 4).forEach((word, j) => view.setUint32(DATA + 16 * i + 4 * j, Number(word), true));
              expected = ((expected + block + WORD ** 4n) * r) % P;
            }
            wasm.absorbData(count);
            wasm.finish();
            const tag = view.getBigUint64(RESULT!, true) + (view.getBigUint64(RESULT! + 8, true) << 64n);
            assert.is(
              tag,
              ((expected % P) + summand) % WORD ** 4n,
              `r ${r}, start ${start}, ${first}, ${rest} x ${count}`,
            );
            checked++;
          }
        }
      }
    }
  }
});

test('words stay below what the source says they do', () => {
  const wasm = load();
  const view = new DataView(wasm.memory.buffer);
  new Uint8Array(wasm.memory.buffer).fill(0xff, DATA, DATA + 16 * 200);
  words(0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffffn, 4).forEach((word, i) =>
    view.setBigUint64(MULTIPLIER! + 8 * i, word, true),
  );
  for (let i = 0; i < 5; i++) view.setBigUint64(ACCUMULATOR! + 8 * i, 0n, true);
  for (let block = 0; block < 200; block++) {
    wasm.absorbData(1);
    for (let i = 0; i < 4; i++) assert.ok(view.getBigUint64(ACCUMULATOR! + 8 * i, true) < (195n * WORD) / 100n);
    assert.ok(view.getBigUint64(ACCUMULATOR! + 32, true) < 4n);
  }
});

test.run();
