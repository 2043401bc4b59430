/** NewSessionTicket (RFC 8446 §4.6.1). */
import { Reader, Writer } from '../codec.ts';
import { ExtensionType, readExtensions, writeExtensions } from '../extensions.ts';
import { HandshakeType, writeMessage } from './handshake-message.ts';

export interface NewSessionTicket {
  readonly ticketLifetimeSeconds: number;
  readonly ticketAgeAdd: number;
  readonly ticketNonce: Uint8Array;
  readonly ticket: Uint8Array;
  /** Bytes; 0 for no early data (§4.2.10). */
  readonly maxEarlyDataSize: number;
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
  const maxEarlyDataSize = earlyData === undefined ? 0 : readMaxEarlyDataSize(earlyData);
  return { ticketLifetimeSeconds, ticketAgeAdd, ticketNonce, ticket, maxEarlyDataSize };
}

function readMaxEarlyDataSize(data: Uint8Array): number {
  const reader = new Reader(data, 'early_data');
  const value = reader.uint32();
  reader.end();
  return value;
}

export function writeNewSessionTicket(ticket: NewSessionTicket): Uint8Array {
  return writeMessage(HandshakeType.NEW_SESSION_TICKET, (writer) => {
    writer.uint32(ticket.ticketLifetimeSeconds).uint32(ticket.ticketAgeAdd);
    writer.vector8(ticket.ticketNonce).vector16(ticket.ticket);
    const { maxEarlyDataSize } = ticket;
    const extensions = new Map<number, Uint8Array>();
    if (maxEarlyDataSize > 0) extensions.set(ExtensionType.EARLY_DATA, new Writer().uint32(maxEarlyDataSize).finish());
    writeExtensions(writer, extensions);
  });
}
