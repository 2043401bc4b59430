/** The frame around every handshake message: a type and a length of three bytes (RFC 8446 §4). */
import { Writer } from '../codec.ts';

/** HandshakeType code points (RFC 8446 §4). */
export const HandshakeType = {
  CLIENT_HELLO: 1,
  SERVER_HELLO: 2,
  NEW_SESSION_TICKET: 4,
  END_OF_EARLY_DATA: 5,
  ENCRYPTED_EXTENSIONS: 8,
  CERTIFICATE: 11,
  CERTIFICATE_REQUEST: 13,
  CERTIFICATE_VERIFY: 15,
  FINISHED: 20,
  KEY_UPDATE: 24,
  COMPRESSED_CERTIFICATE: 25,
  MESSAGE_HASH: 254,
} as const;
export type HandshakeType = (typeof HandshakeType)[keyof typeof HandshakeType];

/** Bytes before a message's body. */
export const MESSAGE_HEADER_LENGTH = 4;

/** One message as it came from the peer. */
export interface HandshakeMessage {
  readonly type: number;
  /** Header and body: what the transcript hashes. */
  readonly raw: Uint8Array;
  readonly body: Uint8Array;
}

export function writeMessage(type: HandshakeType, body: (writer: Writer) => void): Uint8Array {
  return new Writer().uint8(type).vector24(body).finish();
}

/** @returns the name of a message type in lower case with underscores, for error messages. */
export function messageName(type: number): string {
  for (const [name, value] of Object.entries(HandshakeType)) if (value === type) return name.toLowerCase();
  return `unknown message ${type}`;
}
