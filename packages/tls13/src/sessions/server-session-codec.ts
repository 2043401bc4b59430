/** A server's session as bytes: for tickets that carry it, and for stores of a program's own. It holds a secret. */
import { MAX_CERTIFICATE_SIZE, MAX_SERVER_SESSION_SIZE } from '../limits.ts';
import type { ServerSession } from './server-session.ts';
import {
  decodeSession,
  encodeSession,
  readFlag,
  readKey,
  readLifetime,
  readOptional,
  readText,
  writeKey,
  writeLifetime,
  writeOptional,
  writeText,
} from './session-fields.ts';

const VERSION = 1;

/**
 * Times are rounded down to whole milliseconds.
 *
 * @returns undefined where it would have more than 4,096 bytes, which takes a large client certificate
 */
export function encodeServerSession(session: ServerSession): Uint8Array | undefined {
  return encodeSession(VERSION, MAX_SERVER_SESSION_SIZE, (writer) => {
    writeKey(writer, session.cipherSuite, session.secret);
    writeText(writer, session.alpnProtocol);
    writeOptional(writer, session.serverName, (name) => writeText(writer, name));
    writeOptional(writer, session.peerIdentity, (identity) => writeText(writer, identity));
    writeOptional(writer, session.peerCertificate, (der) => writer.vector24(der));
    writer.vector8(session.authenticationContext);
    writer.uint32(session.ticketAgeAdd);
    writeLifetime(writer, session.issuedAt, session.expiresAt);
    writer.uint8(session.isEarlyDataAllowed ? 1 : 0).vector16(session.earlyDataContext);
  });
}

/** @returns undefined for anything that `encodeServerSession` did not write. Never throws. */
export function decodeServerSession(data: Uint8Array): ServerSession | undefined {
  return decodeSession(data, VERSION, MAX_SERVER_SESSION_SIZE, (reader) => {
    const { cipherSuite, secret } = readKey(reader);
    const alpnProtocol = readText(reader);
    const serverName = readOptional(reader, () => readText(reader));
    const peerIdentity = readOptional(reader, () => readText(reader));
    const peerCertificate = readOptional(reader, () => reader.vector24(1, MAX_CERTIFICATE_SIZE));
    const authenticationContext = reader.vector8();
    const ticketAgeAdd = reader.uint32();
    const [issuedAt, expiresAt] = readLifetime(reader);
    const isEarlyDataAllowed = readFlag(reader);
    const earlyDataContext = reader.vector16();
    return {
      cipherSuite,
      secret,
      alpnProtocol,
      serverName,
      peerIdentity,
      peerCertificate,
      authenticationContext,
      ticketAgeAdd,
      issuedAt,
      expiresAt,
      isEarlyDataAllowed,
      earlyDataContext,
    };
  });
}
