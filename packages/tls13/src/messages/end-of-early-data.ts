/** EndOfEarlyData (RFC 8446 §4.5): no body. QUIC does without it (RFC 9001 §8.3). */
import { Reader } from '../codec.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export function readEndOfEarlyData(body: Uint8Array): void {
  new Reader(body, 'EndOfEarlyData').end();
}

export function writeEndOfEarlyData(): Uint8Array {
  return writeMessage(HandshakeType.END_OF_EARLY_DATA, () => {});
}
