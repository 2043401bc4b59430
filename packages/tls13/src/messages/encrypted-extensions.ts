/** EncryptedExtensions (RFC 8446 §4.3.1). */
import { Reader } from '../codec.ts';
import { readExtensions, writeExtensions, type Extensions } from '../extensions.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export function readEncryptedExtensions(body: Uint8Array): Extensions {
  const reader = new Reader(body, 'EncryptedExtensions');
  const extensions = readExtensions(reader, 'EE');
  reader.end();
  return extensions;
}

export function writeEncryptedExtensions(extensions: Extensions): Uint8Array {
  return writeMessage(HandshakeType.ENCRYPTED_EXTENSIONS, (writer) => writeExtensions(writer, extensions));
}
