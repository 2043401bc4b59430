/** Finished (RFC 8446 §4.4.4): the body is the MAC and nothing else. */
import { Reader } from '../codec.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

/** @param hashLength Hash.length of the suite, the only length there is */
export function readFinished(body: Uint8Array, hashLength: number): Uint8Array {
  const reader = new Reader(body, 'Finished');
  const verifyData = reader.bytes(hashLength);
  reader.end();
  return verifyData;
}

export function writeFinished(verifyData: Uint8Array): Uint8Array {
  return writeMessage(HandshakeType.FINISHED, (writer) => writer.bytes(verifyData));
}
