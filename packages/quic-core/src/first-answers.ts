/** What a server may answer to a client's first Initial instead of a handshake: Retry (RFC 9000 §17.2.5) and Version Negotiation (§6). */
import { ConnectionId } from './connection-id.ts';
import type { ConnectionContext } from './connection-context.ts';
import { QuicError } from './errors.ts';
import type { HandshakeDriver } from './handshake-driver.ts';
import { MAX_TOKEN_LENGTH } from './limits.ts';
import { offersVersion, type PacketHeader } from './packet-header.ts';
import { isRetryAuthentic } from './retry.ts';

/** Starts over with the token of a Retry in buffer[start..end). @returns false where it is to be dropped */
export function obeyRetry(
  context: ConnectionContext,
  driver: HandshakeDriver,
  header: PacketHeader,
  buffer: Uint8Array,
  start: number,
  end: number,
  now: number,
): boolean {
  // RFC 9000 §17.2.5.2: once, before any other packet, with a source that differs from our destination, and authentic.
  // A token that leaves no room for a ClientHello cannot be obeyed.
  const isWelcome =
    context.isClient &&
    !context.hasReceivedPacket &&
    context.retrySourceId === undefined &&
    header.tokenLength <= MAX_TOKEN_LENGTH;
  const { provider, version, originalDestinationId } = context;
  if (!isWelcome || !isRetryAuthentic(provider, version, originalDestinationId.bytes, buffer.subarray(start, end))) {
    return false;
  }
  const source = ConnectionId.read(buffer, header.scidStart, header.scidLength);
  if (source.equals(context.peerIds.active)) return false;
  context.retrySourceId = source;
  context.token = buffer.slice(header.tokenStart, header.tokenStart + header.tokenLength);
  context.peerIds.replaceFirst(source);
  driver.deriveInitialKeys(source.bytes);
  context.recovery.resetForRetry(now);
  return true;
}

/** Gives up where the server does not speak our version. @returns false where the packet is to be dropped */
export function heedVersionNegotiation(context: ConnectionContext, header: PacketHeader, buffer: Uint8Array): boolean {
  // RFC 9000 §6.2: ignored by servers, after any other packet, and where it lists the version that we speak. RFC 8999 §6: and where it does not repeat our
  // random destination, which only somebody who saw our Initial knows.
  if (
    !context.isClient ||
    context.hasReceivedPacket ||
    !context.peerIds.active.matches(buffer, header.scidStart, header.scidLength) ||
    offersVersion(buffer, header, context.version.version)
  ) {
    return false;
  }
  context.vanish(
    new QuicError('ERR_QUIC_VERSION_NEGOTIATION', 'Server speaks QUIC, but not version 1 (RFC 9000)', {
      fault: 'peer',
    }),
  );
  return true;
}
