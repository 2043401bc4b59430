/**
 * Puts the handshake messages of one level together from pieces that end anywhere (RFC 9001 §4.1.3: QUIC delivers a
 * stream of bytes, not messages).
 */
import { MAX_MESSAGE_LENGTH } from './limits.ts';
import { decodeError } from './errors.ts';
import { MESSAGE_HEADER_LENGTH, type HandshakeMessage } from './messages/handshake-message.ts';

export class MessageBuffer {
  // Doubled when full, so that a message in pieces of one byte each is not copied once per piece.
  #data: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Copies `data`: it may die with the call. */
  append(data: Uint8Array): void {
    if (this.#end + data.length > this.#data.length) {
      const larger = new Uint8Array(Math.max(this.length + data.length, this.length * 2));
      larger.set(this.#data.subarray(this.#start, this.#end));
      this.#end -= this.#start;
      this.#start = 0;
      this.#data = larger;
    }
    this.#data.set(data, this.#end);
    this.#end += data.length;
  }

  /** @returns the type of the next message as soon as its first byte is there; undefined before. */
  nextType(): number | undefined {
    return this.length === 0 ? undefined : this.#data[this.#start];
  }

  /**
   * Takes the next message out once it is complete; its bytes are its own.
   *
   * @throws TlsError decode_error as soon as the header promises more than MAX_MESSAGE_LENGTH
   */
  take(): HandshakeMessage | undefined {
    if (this.length < MESSAGE_HEADER_LENGTH) return undefined;
    const data = this.#data;
    const start = this.#start;
    const bodyLength =
      ((data[start + 1] as number) << 16) | ((data[start + 2] as number) << 8) | (data[start + 3] as number);
    if (bodyLength > MAX_MESSAGE_LENGTH) {
      throw decodeError(`handshake message of ${bodyLength} bytes, expected ${MAX_MESSAGE_LENGTH} at most`);
    }
    const messageLength = MESSAGE_HEADER_LENGTH + bodyLength;
    if (this.length < messageLength) return undefined;
    this.#start += messageLength;
    const raw = data.slice(start, start + messageLength);
    if (this.length === 0) {
      // Idle connections keep no buffer.
      this.#data = new Uint8Array(0);
      this.#start = 0;
      this.#end = 0;
    }
    return { type: raw[0] as number, raw, body: raw.subarray(MESSAGE_HEADER_LENGTH) };
  }
}
