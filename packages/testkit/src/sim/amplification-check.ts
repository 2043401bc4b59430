/**
 * Watches a server from outside, as an attacker with a forged address would want to use it: until the client is validated, it may send three times what it
 * received (RFC 9000 §8.1).
 *
 * The client counts as validated once a Handshake packet, a 1-RTT packet or an Initial with a token has come; which of them open, an observer cannot see, so
 * on damaged packets the check ends early rather than raise a false alarm.
 */

export class AmplificationCheck {
  #received: number = 0;
  #sent: number = 0;
  isValidated: boolean = false;

  onReceived(bytes: Uint8Array): void {
    this.#received += bytes.length;
    if (!this.isValidated && mayValidate(bytes)) this.isValidated = true;
  }

  /** @throws Error when this is more than the server may send */
  onSent(bytes: Uint8Array): void {
    this.#sent += bytes.length;
    if (!this.isValidated && this.#sent > 3 * this.#received) {
      throw new Error(`The server sent ${this.#sent} bytes for ${this.#received} of an address that is not validated`);
    }
  }
}

/** Walks the coalesced packets of a datagram (RFC 9000 §12.2). */
function mayValidate(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at]!;
    if ((first & 0x80) === 0) return (first & 0x40) !== 0;
    const version = readUint32(bytes, at + 1);
    // RFC 9369 §3.2: version 2 rotates the type bits.
    const type = version === 0x6b33_43cf ? (((first >> 4) & 3) + 3) & 3 : (first >> 4) & 3;
    if (type === 2) return true;
    at += 5;
    at += 1 + (bytes[at] ?? 255);
    at += 1 + (bytes[at] ?? 255);
    if (at >= bytes.length || type === 3) return false;
    if (type === 0) {
      const tokenLength = readVarint(bytes, at);
      if (tokenLength > 0) return true;
      at += varintLength(bytes, at);
    }
    const length = readVarint(bytes, at);
    at += varintLength(bytes, at) + length;
  }
  return false;
}

function readUint32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}

function varintLength(bytes: Uint8Array, at: number): number {
  return 1 << ((bytes[at] ?? 0) >> 6);
}

function readVarint(bytes: Uint8Array, at: number): number {
  let value = (bytes[at] ?? 0) & 0x3f;
  for (let i = 1; i < varintLength(bytes, at); i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
