/** ServerHello and HelloRetryRequest, which share one format and are told apart by the random (RFC 8446 §4.1.3, §4.1.4). */
import { equalBytes } from '../constant-time.ts';
import { Reader } from '../codec.ts';
import { readExtensions, writeExtensions, type Extensions } from '../extensions.ts';
import { TLS_1_2 } from '../extensions/supported-versions.ts';
import { RANDOM_LENGTH } from './client-hello.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

/** SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3). */
export const HELLO_RETRY_REQUEST_RANDOM: Uint8Array = new Uint8Array([
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
  0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
]);

export interface ServerHello {
  readonly legacyVersion: number;
  readonly random: Uint8Array;
  readonly isHelloRetryRequest: boolean;
  readonly legacySessionIdEcho: Uint8Array;
  readonly cipherSuite: number;
  readonly legacyCompressionMethod: number;
  readonly extensions: Extensions;
}

export function readServerHello(body: Uint8Array): ServerHello {
  const reader = new Reader(body, 'ServerHello');
  const legacyVersion = reader.uint16();
  const random = reader.bytes(RANDOM_LENGTH);
  const isHelloRetryRequest = equalBytes(random, HELLO_RETRY_REQUEST_RANDOM);
  const legacySessionIdEcho = reader.vector8(0, 32);
  const cipherSuite = reader.uint16();
  const legacyCompressionMethod = reader.uint8();
  // A ServerHello of TLS 1.2 could end here; the version check tells.
  const extensions: Extensions =
    reader.remaining === 0 ? new Map<number, Uint8Array>() : readExtensions(reader, isHelloRetryRequest ? 'HRR' : 'SH');
  reader.end();
  return {
    legacyVersion,
    random,
    isHelloRetryRequest,
    legacySessionIdEcho,
    cipherSuite,
    legacyCompressionMethod,
    extensions,
  };
}

/** @param hello a HelloRetryRequest where `random` is HELLO_RETRY_REQUEST_RANDOM */
export function writeServerHello(
  hello: Pick<ServerHello, 'random' | 'cipherSuite' | 'extensions'> & Partial<Pick<ServerHello, 'legacySessionIdEcho'>>,
): Uint8Array {
  return writeMessage(HandshakeType.SERVER_HELLO, (writer) => {
    writer.uint16(TLS_1_2).bytes(hello.random);
    // Empty in QUIC (RFC 9001 §8.4).
    writer.vector8(hello.legacySessionIdEcho ?? new Uint8Array(0));
    writer.uint16(hello.cipherSuite).uint8(0);
    writeExtensions(writer, hello.extensions);
  });
}
