/**
 * Reading and writing at a position, with varints (RFC 9000 §16).
 *
 * Both are sentinel-based: a read beyond the end sets `failed` and returns 0, so that a hot loop checks once per frame and a flood of
 * malformed packets never pays for an exception. Numbers are doubles: values above 2^53-1 saturate to 2^53-1, which each field's owner treats as
 * `too large` (offsets, lengths) or as `no limit` (limits); see the varint tests.
 */
export class Reader {
  #buffer: Uint8Array = new Uint8Array(0);
  position: number = 0;
  end: number = 0;
  /** Set by the first read beyond `end`; stays set until reset(). */
  failed: boolean = false;

  get buffer(): Uint8Array {
    return this.#buffer;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Points the reader at buffer[start..end). */
  reset(buffer: Uint8Array, start: number, end: number): this {
    this.#buffer = buffer;
    this.position = start;
    this.end = end;
    this.failed = false;
    return this;
  }

  uint8(): number {
    if (this.position >= this.end) return this.#fail();
    return this.#buffer[this.position++]!;
  }

  uint16(): number {
    const at = this.position;
    if (at + 2 > this.end) return this.#fail();
    this.position = at + 2;
    return (this.#buffer[at]! << 8) | this.#buffer[at + 1]!;
  }

  uint32(): number {
    const at = this.position;
    if (at + 4 > this.end) return this.#fail();
    this.position = at + 4;
    const b = this.#buffer;
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  }

  /** A variable-length integer, 0..2^53-1, larger ones saturated. */
  varint(): number {
    const at = this.position;
    if (at >= this.end) return this.#fail();
    const b = this.#buffer;
    const first = b[at]!;
    if (first < 0x40) {
      this.position = at + 1;
      return first;
    }
    if (first < 0x80) {
      if (at + 2 > this.end) return this.#fail();
      this.position = at + 2;
      return ((first & 0x3f) << 8) | b[at + 1]!;
    }
    if (first < 0xc0) {
      if (at + 4 > this.end) return this.#fail();
      this.position = at + 4;
      return ((first & 0x3f) << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
    }
    if (at + 8 > this.end) return this.#fail();
    this.position = at + 8;
    const high = (((first & 0x3f) << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
    if (high >= 0x20_0000) return Number.MAX_SAFE_INTEGER;
    const low = ((b[at + 4]! << 24) | (b[at + 5]! << 16) | (b[at + 6]! << 8) | b[at + 7]!) >>> 0;
    return high * 0x1_0000_0000 + low;
  }

  /** Moves over `length` bytes. @returns where they began, or 0 with `failed` set. */
  skip(length: number): number {
    const at = this.position;
    if (length > this.end - at) return this.#fail();
    this.position = at + length;
    return at;
  }

  /** A copy of the next `length` bytes; empty with `failed` set where there are fewer. */
  bytes(length: number): Uint8Array {
    const at = this.skip(length);
    return this.failed ? new Uint8Array(0) : this.#buffer.slice(at, at + length);
  }

  #fail(): number {
    this.failed = true;
    this.position = this.end;
    return 0;
  }
}

/** Bytes a varint takes. @param value 0..2^53-1 */
export function varintSize(value: number): number {
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x4000_0000 ? 4 : 8;
}

/**
 * Writes into a buffer of the caller's. There is no failure state: whoever writes checks `remaining` against the size that it is about to write (each
 * frame has a size function); a write beyond the end is our own bug and throws RangeError.
 */
export class Writer {
  #buffer: Uint8Array = new Uint8Array(0);
  position: number = 0;
  end: number = 0;

  get buffer(): Uint8Array {
    return this.#buffer;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  reset(buffer: Uint8Array, start: number, end: number): this {
    this.#buffer = buffer;
    this.position = start;
    this.end = end;
    return this;
  }

  uint8(value: number): void {
    this.#need(1);
    this.#buffer[this.position++] = value;
  }

  uint16(value: number): void {
    this.#need(2);
    const b = this.#buffer;
    b[this.position++] = value >>> 8;
    b[this.position++] = value;
  }

  uint32(value: number): void {
    this.#need(4);
    const b = this.#buffer;
    b[this.position++] = value >>> 24;
    b[this.position++] = value >>> 16;
    b[this.position++] = value >>> 8;
    b[this.position++] = value;
  }

  varint(value: number): void {
    if (value < 0x40) this.uint8(value);
    else if (value < 0x4000) this.uint16(0x4000 | value);
    else if (value < 0x4000_0000) this.uint32((0x8000_0000 | value) >>> 0);
    else {
      const high = Math.floor(value / 0x1_0000_0000);
      this.uint32((0xc000_0000 | high) >>> 0);
      this.uint32(value >>> 0);
    }
  }

  /** A varint in exactly two bytes, for lengths that are filled in later. @param value 0..16383 */
  varint2(value: number): void {
    this.uint16(0x4000 | value);
  }

  bytes(data: Uint8Array): void {
    this.#need(data.length);
    this.#buffer.set(data, this.position);
    this.position += data.length;
  }

  /** @param value every one of `length` bytes */
  fill(value: number, length: number): void {
    this.#need(length);
    this.#buffer.fill(value, this.position, this.position + length);
    this.position += length;
  }

  #need(length: number): void {
    if (length > this.end - this.position)
      throw new RangeError(`Writing ${length} bytes where ${this.remaining} are left`);
  }
}
