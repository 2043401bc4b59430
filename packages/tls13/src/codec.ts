/**
 * Reading and writing of the presentation language of RFC 8446 §3: big-endian integers and vectors whose length stands
 * before them in one, two or three bytes.
 *
 * The reader never looks past its end: what does not fit is a decode_error (RFC 8446 §6.2). Slices it returns are views
 * of its input.
 */
import { decodeError } from './errors.ts';

export class Reader {
  readonly #data: Uint8Array;
  readonly #what: string;
  #position = 0;

  /** @param what the structure being read, for error messages */
  constructor(data: Uint8Array, what: string) {
    this.#data = data;
    this.#what = what;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#data.length - this.#position;
  }

  uint8(): number {
    return this.#unsigned(1);
  }

  uint16(): number {
    return this.#unsigned(2);
  }

  uint24(): number {
    return this.#unsigned(3);
  }

  uint32(): number {
    return this.#unsigned(4);
  }

  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#data.subarray(start, start + length);
  }

  /** @param min, max bounds of the vector's length in bytes, as the RFC writes them: `opaque x<min..max>` */
  vector8(min = 0, max = 0xff): Uint8Array {
    return this.#vector(this.uint8(), min, max);
  }

  vector16(min = 0, max = 0xffff): Uint8Array {
    return this.#vector(this.uint16(), min, max);
  }

  vector24(min = 0, max = 0xff_ffff): Uint8Array {
    return this.#vector(this.uint24(), min, max);
  }

  /** A structure that is over must be over: bytes behind it are a decode_error. */
  end(): void {
    if (this.remaining > 0) throw decodeError(`${this.#what} is followed by ${this.remaining} stray bytes`);
  }

  #unsigned(size: number): number {
    const start = this.#advance(size);
    let value = 0;
    // Multiplied rather than shifted: 32 bits shifted are a negative number.
    for (let i = start; i < start + size; i++) value = value * 256 + (this.#data[i] as number);
    return value;
  }

  #vector(length: number, min: number, max: number): Uint8Array {
    if (length < min || length > max)
      throw decodeError(`${this.#what} has a vector of ${length} bytes, expected ${min} to ${max}`);
    return this.bytes(length);
  }

  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#data.length - start) throw decodeError(`${this.#what} ends too early`);
    this.#position = start + length;
    return start;
  }
}

/**
 * Writes into a buffer that grows. Vectors take a callback, so that their length is filled in once it is known. A value
 * that does not fit is a mistake of the caller: RangeError.
 */
export class Writer {
  #buffer: Uint8Array;
  #length = 0;

  /** @param capacity bytes that there is room for at first; up to 64 cost a tenth of more, as V8 keeps them in its own heap */
  constructor(capacity = 256) {
    this.#buffer = new Uint8Array(capacity);
  }

  uint8(value: number): this {
    return this.#unsigned(value, 1);
  }

  uint16(value: number): this {
    return this.#unsigned(value, 2);
  }

  uint24(value: number): this {
    return this.#unsigned(value, 3);
  }

  uint32(value: number): this {
    return this.#unsigned(value, 4);
  }

  bytes(data: Uint8Array): this {
    const start = this.#grow(data.length);
    this.#buffer.set(data, start);
    return this;
  }

  vector8(content: Uint8Array | ((writer: this) => void)): this {
    return this.#vector(content, 1);
  }

  vector16(content: Uint8Array | ((writer: this) => void)): this {
    return this.#vector(content, 2);
  }

  vector24(content: Uint8Array | ((writer: this) => void)): this {
    return this.#vector(content, 3);
  }

  /** @returns a copy of what has been written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #vector(content: Uint8Array | ((writer: this) => void), size: number): this {
    const lengthAt = this.#grow(size);
    if (typeof content === 'function') content(this);
    else this.bytes(content);
    this.#put(lengthAt, this.#length - lengthAt - size, size);
    return this;
  }

  #unsigned(value: number, size: number): this {
    this.#put(this.#grow(size), value, size);
    return this;
  }

  #put(at: number, value: number, size: number): void {
    if (value < 0 || value >= 2 ** (8 * size)) throw new RangeError(`value ${value} does not fit in ${size} bytes`);
    for (let i = size - 1, rest = value; i >= 0; i--) {
      this.#buffer[at + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }

  #grow(size: number): number {
    const start = this.#length;
    this.#length += size;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    return start;
  }
}
