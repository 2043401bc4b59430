/**
 * What went over the wire, condensed to a hash (FNV-1a, twice 32 bits with different starts), so that two runs can be compared without keeping either; and the
 * newest entries in words, for the message of a failing test.
 */

const PRIME = 0x0100_0193;
const KEPT = 64;

export interface PacketLogEntry {
  /** ms */
  readonly time: number;
  readonly direction: string;
  /** Bytes. */
  readonly size: number;
  readonly firstByte: number;
}

export class PacketLog {
  count: number = 0;
  bytes: number = 0;
  readonly #recent: PacketLogEntry[] = [];
  #a: number = 0x811c_9dc5;
  #b: number = 0x2f0b_4c47;
  readonly #time: DataView = new DataView(new ArrayBuffer(8));
  readonly #timeBytes: Uint8Array = new Uint8Array(this.#time.buffer);

  record(time: number, direction: string, bytes: Uint8Array): void {
    this.#time.setFloat64(0, time);
    this.#mix(this.#timeBytes);
    for (let i = 0; i < direction.length; i++) this.#mixByte(direction.charCodeAt(i) & 0xff);
    this.#mix(bytes);
    this.#recent[this.count % KEPT] = { time, direction, size: bytes.length, firstByte: bytes[0] ?? 0 };
    this.count++;
    this.bytes += bytes.length;
  }

  /** 16 hexadecimal digits over time, direction and bytes of everything recorded. */
  get hash(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0');
  }

  /** The newest entries, the oldest of them first. */
  recent(): PacketLogEntry[] {
    if (this.count <= KEPT) return this.#recent.slice();
    const split = this.count % KEPT;
    return [...this.#recent.slice(split), ...this.#recent.slice(0, split)];
  }

  #mix(bytes: Uint8Array): void {
    let a = this.#a;
    let b = this.#b;
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ bytes[i]!, PRIME);
      b = Math.imul(b ^ bytes[i]!, PRIME) ^ (a >>> 15);
    }
    this.#a = a;
    this.#b = b;
  }

  #mixByte(byte: number): void {
    this.#a = Math.imul(this.#a ^ byte, PRIME);
    this.#b = Math.imul(this.#b ^ byte, PRIME) ^ (this.#a >>> 15);
  }
}
