/** NewSessionTicket (RFC 8446 §4.6.1). Read for its form only: sessions are not resumed yet. */
import { Reader } from '../codec.ts';
import { illegalParameter } from '../errors.ts';
import { ExtensionType, readExtensions, writeExtensions, type Extensions } from '../extensions.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export interface NewSessionTicket {
  readonly ticketLifetimeSeconds: number;
  readonly ticketAgeAdd: number;
  readonly ticketNonce: Uint8Array;
  readonly ticket: Uint8Array;
  readonly extensions: Extensions;
}

export function readNewSessionTicket(body: Uint8Array): NewSessionTicket {
  const reader = new Reader(body, 'NewSessionTicket');
  const ticketLifetimeSeconds = reader.uint32();
  const ticketAgeAdd = reader.uint32();
  const ticketNonce = reader.vector8();
  const ticket = reader.vector16(1);
  const extensions = readExtensions(reader, 'NST');
  reader.end();
  const earlyData = extensions.get(ExtensionType.EARLY_DATA);
  if (earlyData !== undefined) {
    const value = new Reader(earlyData, 'early_data');
    const maxEarlyDataSize = value.uint32();
    value.end();
    // RFC 9001 §4.6.1: any other value is an error. QUIC names PROTOCOL_VIOLATION, which is no alert; this is the nearest one.
    if (maxEarlyDataSize !== 0xffff_ffff)
      throw illegalParameter(`max_early_data_size is ${maxEarlyDataSize}, expected 0xffffffff`);
  }
  return { ticketLifetimeSeconds, ticketAgeAdd, ticketNonce, ticket, extensions };
}

export function writeNewSessionTicket(ticket: NewSessionTicket): Uint8Array {
  return writeMessage(HandshakeType.NEW_SESSION_TICKET, (writer) => {
    writer.uint32(ticket.ticketLifetimeSeconds).uint32(ticket.ticketAgeAdd);
    writer.vector8(ticket.ticketNonce).vector16(ticket.ticket);
    writeExtensions(writer, ticket.extensions);
  });
}
