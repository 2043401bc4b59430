/** Bytes that both sides can make and compare, and small helpers to read them from a stream. */
import type { PeerStream } from './peer.ts';

/** Pseudo-random bytes (xorshift32): the same for a seed, different for two. */
export function contents(seed: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  // The state must not be 0; the multiplication takes neighbouring seeds far apart.
  let state = (Math.imul(seed + 1, 0x9e3779b1) | 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = state & 0xff;
  }
  return out;
}

export async function sha256(data: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Reads a stream: a first line of JSON, then bytes. */
export class Incoming {
  readonly #stream: PeerStream;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(stream: PeerStream) {
    this.#stream = stream;
  }

  async line<T>(): Promise<T> {
    const bytes: number[] = [];
    for (;;) {
      const byte = (await this.exactly(1))[0] as number;
      if (byte === 0x0a) return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes))) as T;
      bytes.push(byte);
    }
  }

  /** The next chunk, undefined at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#chunk.length === 0) await this.#more();
    if (this.#ended) return undefined;
    const chunk = this.#chunk;
    this.#chunk = new Uint8Array(0);
    return chunk;
  }

  async exactly(length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#chunk.length === 0) await this.#more();
      if (this.#ended) throw new Error(`Stream ended after ${filled} of ${length} bytes`);
      const part = this.#chunk.subarray(0, length - filled);
      out.set(part, filled);
      filled += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return out;
  }

  async rest(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (let chunk = await this.chunk(); chunk !== undefined; chunk = await this.chunk()) {
      chunks.push(chunk);
      length += chunk.length;
    }
    const out = new Uint8Array(length);
    let offset = 0;
    for (const chunk of chunks) {
      out.set(chunk, offset);
      offset += chunk.length;
    }
    return out;
  }

  async #more(): Promise<void> {
    while (!this.#ended && this.#chunk.length === 0) {
      const chunk = await this.#stream.read();
      if (chunk === undefined) this.#ended = true;
      else this.#chunk = chunk;
    }
  }
}

/** One line of JSON, as bytes. */
export function line(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}
