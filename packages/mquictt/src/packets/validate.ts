/**
 * Checks whole packets before mqtt-packet reads them. It accepts more than MQTT does: U+0000 and surrogates in strings, bytes after the end, lengths that
 * are longer than they have to be, empty SUBSCRIBEs, identifier 0, unknown versions, and properties that are repeated or belong elsewhere. PUBLISH is
 * read by publish.ts, which checks for itself.
 */
import { PacketError } from '../errors.ts';
import { MAX_FILTERS_PER_PACKET } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';
import { PacketType, packetTypeName } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { WILL, readProperties } from './properties.ts';
import type { PropertyVisitor } from './properties.ts';
import { PacketReader } from './reader.ts';

/**
 * @param header the first byte
 * @param start where the body begins
 * @param version of the connection; a CONNECT brings its own
 * @param visit called for each property of the packet, those of a will left out
 * @param visitWill called for each property of a will
 * @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, UNSUPPORTED_PROTOCOL_VERSION
 */
export function validatePacket(
  header: number,
  buffer: Uint8Array,
  start: number,
  end: number,
  version: ProtocolVersion,
  visit?: PropertyVisitor,
  visitWill?: PropertyVisitor,
): void {
  const type = header >> 4;
  const flags = header & 15;
  // [MQTT-2.1.3-1]: reserved flags are fixed per type.
  const expectedFlags =
    type === PacketType.PUBREL || type === PacketType.SUBSCRIBE || type === PacketType.UNSUBSCRIBE ? 2 : 0;
  if (type === 0 || (type === PacketType.AUTH && version !== 5))
    throw new PacketError(ReasonCode.MALFORMED_PACKET, `There is no ${packetTypeName(type)} in this version of MQTT`);
  if (flags !== expectedFlags)
    throw new PacketError(
      ReasonCode.MALFORMED_PACKET,
      `The flags of ${packetTypeName(type)} are ${flags}, expected ${expectedFlags}`,
    );
  const reader = new PacketReader(buffer, start, end);
  switch (type) {
    case PacketType.CONNECT:
      validateConnect(reader, visit, visitWill);
      break;
    case PacketType.CONNACK:
      validateConnack(reader, version, visit);
      break;
    case PacketType.PUBACK:
    case PacketType.PUBREC:
    case PacketType.PUBREL:
    case PacketType.PUBCOMP:
      validateIdentifier(reader);
      if (version === 5) validateReasonAndProperties(reader, type, visit);
      break;
    case PacketType.SUBSCRIBE:
      validateIdentifier(reader);
      if (version === 5) readProperties(reader, type, visit);
      validateSubscriptions(reader, version);
      break;
    case PacketType.UNSUBSCRIBE:
      validateIdentifier(reader);
      if (version === 5) readProperties(reader, type, visit);
      validateFilters(reader);
      break;
    case PacketType.SUBACK:
    case PacketType.UNSUBACK:
      validateIdentifier(reader);
      if (version === 5) readProperties(reader, type, visit);
      if (version === 5 || type === PacketType.SUBACK) {
        if (reader.remaining === 0) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'An acknowledgement is empty');
        reader.skip(reader.remaining);
      }
      break;
    case PacketType.DISCONNECT:
    case PacketType.AUTH:
      if (version === 5) validateReasonAndProperties(reader, type, visit);
      break;
  }
  reader.expectEnd(packetTypeName(type));
}

function validateIdentifier(reader: PacketReader): void {
  if (reader.uint16() === 0) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A packet identifier is 0'); // [MQTT-2.2.1-3]
}

/** Reason code and properties at the end may both be left out (MQTT 5 §3.4.2.1, §3.14.2.1). */
function validateReasonAndProperties(reader: PacketReader, type: number, visit: PropertyVisitor | undefined): void {
  if (reader.remaining === 0) return;
  reader.uint8();
  if (reader.remaining > 0) readProperties(reader, type, visit);
}

function validateConnack(reader: PacketReader, version: ProtocolVersion, visit: PropertyVisitor | undefined): void {
  const flags = reader.uint8();
  if (flags > 1) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'Reserved flags of CONNACK are set'); // [MQTT-3.2.2-1]
  const code = reader.uint8();
  // [MQTT-3.2.2-6]
  if (code !== 0 && flags !== 0)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A refusing CONNACK says that there is a session');
  // A server that refuses the version answers in the form of MQTT 3.1.1, whatever was asked.
  if (version === 5 && reader.remaining > 0) readProperties(reader, PacketType.CONNACK, visit);
}

function validateConnect(
  reader: PacketReader,
  visit: PropertyVisitor | undefined,
  visitWill: PropertyVisitor | undefined,
): void {
  const name = reader.string();
  const level = reader.uint8();
  // [MQTT-3.1.2-1], [MQTT-3.1.2-2]. MQIsdp is MQTT 3.1.
  if (name !== 'MQTT' && name !== 'MQIsdp')
    throw new PacketError(ReasonCode.UNSUPPORTED_PROTOCOL_VERSION, 'CONNECT is for another protocol than MQTT');
  if (name !== 'MQTT' || (level !== 4 && level !== 5))
    throw new PacketError(
      ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
      `CONNECT asks for protocol ${name} level ${level}; MQTT 5 (level 5) and MQTT 3.1.1 (level 4) are spoken here`,
    );
  const flags = reader.uint8();
  const malformed = (message: string): PacketError => new PacketError(ReasonCode.MALFORMED_PACKET, message);
  if ((flags & 1) !== 0) throw malformed('The reserved flag of CONNECT is set'); // [MQTT-3.1.2-3]
  const hasWill = (flags & 4) !== 0;
  const willQos = (flags >> 3) & 3;
  if (willQos === 3) throw malformed('A will has QoS 3'); // [MQTT-3.1.2-12]
  // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
  if (!hasWill && (flags & 0x38) !== 0) throw malformed('CONNECT has options of a will and no will');
  // [MQTT-3.1.2-22] of MQTT 3.1.1; MQTT 5 allows a password alone.
  if (level === 4 && (flags & 0xc0) === 0x40) throw malformed('CONNECT has a password and no user name');
  reader.uint16();
  if (level === 5) readProperties(reader, PacketType.CONNECT, visit);
  reader.string();
  if (hasWill) {
    if (level === 5) readProperties(reader, WILL, visitWill);
    reader.string();
    reader.binary();
  }
  if ((flags & 0x80) !== 0) reader.string();
  if ((flags & 0x40) !== 0) reader.binary();
}

function validateSubscriptions(reader: PacketReader, version: ProtocolVersion): void {
  let count = 0;
  while (reader.remaining > 0) {
    reader.string();
    const options = reader.uint8();
    // [MQTT-3.8.3-5], [MQTT-3-8.3-4] of MQTT 3.1.1: reserved bits are zero.
    if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0)
      throw new PacketError(ReasonCode.MALFORMED_PACKET, 'Reserved bits of subscription options are set');
    if ((options & 3) === 3) throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A subscription asks for QoS 3');
    if ((options & 0x30) === 0x30)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A subscription has retain handling 3');
    count++;
  }
  checkFilterCount(count);
}

function validateFilters(reader: PacketReader): void {
  let count = 0;
  while (reader.remaining > 0) {
    reader.string();
    count++;
  }
  checkFilterCount(count);
}

function checkFilterCount(count: number): void {
  // [MQTT-3.8.3-2], [MQTT-3.10.3-2]
  if (count === 0) throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'There is no topic filter in the packet');
  if (count > MAX_FILTERS_PER_PACKET)
    throw new PacketError(
      ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR,
      `There are ${count} topic filters in one packet, more than ${MAX_FILTERS_PER_PACKET}`,
    );
}
