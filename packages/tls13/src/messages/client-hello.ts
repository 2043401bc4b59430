/** ClientHello (RFC 8446 §4.1.2). */
import { Reader } from '../codec.ts';
import { readExtensions, writeExtensions, type Extensions } from '../extensions.ts';
import { TLS_1_2 } from '../extensions/supported-versions.ts';
import { readUint16s } from '../extensions/uint16-list.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export const RANDOM_LENGTH = 32;

export interface ClientHello {
  readonly legacyVersion: number;
  readonly random: Uint8Array;
  readonly legacySessionId: Uint8Array;
  readonly cipherSuites: readonly number[];
  readonly legacyCompressionMethods: Uint8Array;
  readonly extensions: Extensions;
}

export function readClientHello(body: Uint8Array): ClientHello {
  const reader = new Reader(body, 'ClientHello');
  const legacyVersion = reader.uint16();
  const random = reader.bytes(RANDOM_LENGTH);
  const legacySessionId = reader.vector8(0, 32);
  const cipherSuites = readUint16s(reader.vector16(2), 'cipher_suites');
  const legacyCompressionMethods = reader.vector8(1);
  // Before TLS 1.3 a ClientHello could end here; what it lacks is found out by the version check.
  const extensions: Extensions = reader.remaining === 0 ? new Map<number, Uint8Array>() : readExtensions(reader, 'CH');
  reader.end();
  return { legacyVersion, random, legacySessionId, cipherSuites, legacyCompressionMethods, extensions };
}

export function writeClientHello(hello: Pick<ClientHello, 'random' | 'cipherSuites' | 'extensions'>): Uint8Array {
  return writeMessage(HandshakeType.CLIENT_HELLO, (writer) => {
    writer.uint16(TLS_1_2).bytes(hello.random);
    // RFC 9001 §8.4: QUIC has no middlebox compatibility mode, so the session ID is empty.
    writer.vector8(new Uint8Array(0));
    writer.vector16(() => {
      for (const suite of hello.cipherSuites) writer.uint16(suite);
    });
    writer.vector8((methods) => methods.uint8(0));
    writeExtensions(writer, hello.extensions);
  });
}
