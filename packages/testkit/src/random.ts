/**
 * A random source that is anything but random: xoshiro128** (Blackman and Vigna) started from one number, so that a test that fails can be run
 * again byte for byte. Never for secrets outside of tests.
 */
import type { Random } from '@mquictt/tls13';

export interface SeededRandom extends Random {
  /** The number it was made from, for messages of failing tests. */
  readonly seed: number;
  /** @returns a number in [0, 1) with 32 bits of resolution. */
  next(): number;
  /** @returns an integer in [0, 2^32). */
  uint32(): number;
  /** @returns an integer in [0, limit). @param limit 1..2^32 */
  integer(limit: number): number;
  /** @returns true with the given probability (0..1). */
  chance(probability: number): boolean;
  /** @returns `length` fresh bytes. */
  bytes(length: number): Uint8Array;
  /** @returns one element. @throws RangeError for an empty list */
  pick<T>(list: readonly T[]): T;
  /** @returns an independent source, so that drawing more in one place does not change what another place gets. */
  fork(): SeededRandom;
}

/**
 * @param seed any number; its low 32 bits count
 *
 * @example
 * const random = seededRandom(Number(process.env.SEED ?? 1));
 */
export function seededRandom(seed: number): SeededRandom {
  return new Xoshiro128(seed >>> 0);
}

class Xoshiro128 implements SeededRandom {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.seed = seed;
    // The four words come from a counter sent through a 32-bit mixer: a state of zeros, which xoshiro could not leave, cannot come out.
    this.#a = mix(seed + 0x9e37_79b9);
    this.#b = mix(seed + 0x3c6e_f372);
    this.#c = mix(seed + 0xdaa6_6d2b);
    this.#d = mix(seed + 0x78dd_e6e4);
  }

  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  next(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  integer(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    this.fillPublic(out);
    return out;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('Cannot pick from an empty list');
    return list[this.integer(list.length)] as T;
  }

  fork(): SeededRandom {
    return new Xoshiro128(this.uint32());
  }

  fillPublic(out: Uint8Array): void {
    for (let i = 0; i < out.length; i += 4) {
      let word = this.uint32();
      for (let j = i; j < i + 4 && j < out.length; j++) {
        out[j] = word & 0xff;
        word >>>= 8;
      }
    }
  }

  fillPrivate(out: Uint8Array): void {
    this.fillPublic(out);
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** The finalizer of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
