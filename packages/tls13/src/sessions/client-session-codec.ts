/** A client's session as bytes, so that it outlives the program. */
import { MAX_CERTIFICATES, MAX_CERTIFICATE_SIZE, MAX_CLIENT_SESSION_SIZE } from '../limits.ts';
import { Reader } from '../codec.ts';
import { decodeError } from '../errors.ts';
import type { OpaqueExtension } from '../handshake.ts';
import type { ClientSession } from './client-session.ts';
import {
  decodeSession,
  encodeSession,
  readKey,
  readLifetime,
  readText,
  writeKey,
  writeLifetime,
  writeText,
} from './session-fields.ts';

const VERSION = 1;

/**
 * The result is a secret: who reads it can resume the connection as this client, and read the early data that was sent with it. Keep it where private
 * keys are kept, and remove it before it is used (RFC 8446 §C.4). Times are rounded down to whole milliseconds.
 *
 * @returns undefined where it would have more than 32,768 bytes: a server that sends so much is not worth resuming
 *
 * @example
 * const bytes = encodeClientSession(session);
 * if (bytes !== undefined) writeFileSync(path, bytes, { mode: 0o600 });
 */
export function encodeClientSession(session: ClientSession): Uint8Array | undefined {
  // What does not fit into the fields below is far beyond the bound: it must not get as far as a RangeError.
  if (clientSessionSize(session) > MAX_CLIENT_SESSION_SIZE) return undefined;
  return encodeSession(VERSION, MAX_CLIENT_SESSION_SIZE, (writer) => {
    writeText(writer, session.serverName);
    writeText(writer, session.alpnProtocol);
    writeKey(writer, session.cipherSuite, session.secret);
    writer.vector16(session.ticket).uint32(session.ticketAgeAdd);
    writeLifetime(writer, session.receivedAt, session.expiresAt);
    writer.uint32(session.maxEarlyDataSize);
    writer.vector16(() => {
      for (const { type, data } of session.peerExtensions) writer.uint16(type).vector16(data);
    });
    writer.vector24(() => {
      for (const der of session.peerCertificates) writer.vector24(der);
    });
    writer.vector8(session.authenticationContext);
  });
}

/** @returns undefined for anything that `encodeClientSession` did not write. Never throws. Whether it has expired is not looked at. */
export function decodeClientSession(data: Uint8Array): ClientSession | undefined {
  return decodeSession(data, VERSION, MAX_CLIENT_SESSION_SIZE, (reader) => {
    const serverName = readText(reader);
    const alpnProtocol = readText(reader);
    const { cipherSuite, secret } = readKey(reader);
    const ticket = reader.vector16(1);
    const ticketAgeAdd = reader.uint32();
    const [receivedAt, expiresAt] = readLifetime(reader);
    const maxEarlyDataSize = reader.uint32();
    const peerExtensions = readExtensions(new Reader(reader.vector16(), 'Extensions of a session'));
    const peerCertificates = readCertificates(new Reader(reader.vector24(), 'Certificates of a session'));
    const authenticationContext = reader.vector8();
    return {
      serverName,
      alpnProtocol,
      cipherSuite,
      secret,
      ticket,
      ticketAgeAdd,
      receivedAt,
      expiresAt,
      maxEarlyDataSize,
      peerExtensions,
      peerCertificates,
      authenticationContext,
    };
  });
}

/** Most of its bytes encoded: what the server decides on. */
export function clientSessionSize({ ticket, peerExtensions, peerCertificates }: ClientSession): number {
  let size = ticket.length;
  for (const { data } of peerExtensions) size += 4 + data.length;
  for (const der of peerCertificates) size += 3 + der.length;
  return size;
}

function readExtensions(reader: Reader): OpaqueExtension[] {
  const extensions: OpaqueExtension[] = [];
  while (reader.remaining > 0) extensions.push({ type: reader.uint16(), data: reader.vector16() });
  return extensions;
}

function readCertificates(reader: Reader): Uint8Array[] {
  const certificates: Uint8Array[] = [];
  while (reader.remaining > 0) certificates.push(reader.vector24(1, MAX_CERTIFICATE_SIZE));
  if (certificates.length > MAX_CERTIFICATES)
    throw decodeError(`Session has ${certificates.length} certificates where ${MAX_CERTIFICATES} are allowed`);
  return certificates;
}
