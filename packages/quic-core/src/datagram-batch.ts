/**
 * A batch of UDP datagrams: one buffer and parallel arrays, reused from call to call, so that no object is made per datagram.
 *
 * Bytes of datagram i are buffer[start[i] .. end[i]). On the way in the connection may overwrite them (packets are
 * decrypted in place); nothing keeps a view of `buffer` after the call. On the way out datagrams are appended one after another.
 *
 * A datagram's path is (socket, address, port): `socket` numbers the local UDP sockets of an endpoint from 0, since migration to a
 * preferred address needs a second one; address and port are the remote's.
 */
export class DatagramBatch {
  readonly buffer: Uint8Array;
  readonly capacity: number;
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly socket: Int32Array;
  readonly address: string[];
  readonly port: Int32Array;
  /** ECN codepoint, 0 where the platform does not tell. */
  readonly ecn: Uint8Array;
  count: number = 0;

  /**
   * @param capacity datagrams at most
   * @param byteLength size of the shared buffer, bytes
   */
  constructor(capacity: number, byteLength: number) {
    this.buffer = new Uint8Array(byteLength);
    this.capacity = capacity;
    this.start = new Int32Array(capacity);
    this.end = new Int32Array(capacity);
    this.socket = new Int32Array(capacity);
    this.address = new Array<string>(capacity).fill('');
    this.port = new Int32Array(capacity);
    this.ecn = new Uint8Array(capacity);
  }

  /** Where the next datagram begins. */
  get writeOffset(): number {
    return this.count === 0 ? 0 : this.end[this.count - 1]!;
  }

  clear(): void {
    this.count = 0;
  }

  /** Copies a datagram in. @returns false when the batch is full: hand it on, clear it and try again. */
  push(data: Uint8Array, socket: number, address: string, port: number, ecn: number): boolean {
    const start = this.writeOffset;
    if (this.count === this.capacity || start + data.length > this.buffer.length) return false;
    this.buffer.set(data, start);
    this.commit(start, start + data.length, socket, address, port, ecn);
    return true;
  }

  /** Adds a datagram whose bytes were written in place. */
  commit(start: number, end: number, socket: number, address: string, port: number, ecn: number): void {
    const i = this.count++;
    this.start[i] = start;
    this.end[i] = end;
    this.socket[i] = socket;
    this.address[i] = address;
    this.port[i] = port;
    this.ecn[i] = ecn;
  }
}
