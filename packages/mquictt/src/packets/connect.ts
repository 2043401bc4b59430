/** CONNECT as a server reads it (MQTT 5 §3.1, MQTT 3.1.1 §3.1, MQTT 3.1 §3.1). [MQTT-3.1.4-1] */
import { PacketError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import { PacketType } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { PropertyId, WILL } from './properties.ts';
import { PropertyReader, readPropertyFields } from './property-reader.ts';
import type { PropertyFields, UserPropertyList } from './properties.ts';
import type { PacketReader } from './reader.ts';
import { checkResponseTopic, topicNameProblem } from './topics.ts';

/** The will inside CONNECT. */
export interface ReceivedWill {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  /** Seconds. */
  readonly delayInterval: number;
  /** Seconds, -1 when there is none. */
  readonly messageExpiryInterval: number;
  /** Empty when there is none. */
  readonly responseTopic: string;
  /** Properties that go on with the message, as bytes in order. [MQTT-3.1.3-10] */
  readonly properties: Uint8Array;
}

export interface ConnectPacket {
  readonly type: typeof PacketType.CONNECT;
  readonly protocolVersion: ProtocolVersion;
  /** Empty when the server is to assign one; never empty in MQTT 3.1. */
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds, 0 = off. */
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly will: ReceivedWill | undefined;
  /** Seconds, 0xffffffff = never ends. */
  readonly sessionExpiryInterval: number;
  readonly receiveMaximum: number;
  /** Bytes, Infinity when the client set no bound. */
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  readonly requestResponseInformation: boolean;
  readonly requestProblemInformation: boolean;
  readonly authenticationMethod: string | undefined;
  readonly authenticationData: Uint8Array | undefined;
  readonly userProperties: UserPropertyList;
}

/**
 * @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, UNSUPPORTED_PROTOCOL_VERSION, CLIENT_IDENTIFIER_NOT_VALID, TOPIC_NAME_INVALID,
 *   IMPLEMENTATION_SPECIFIC_ERROR
 */
export function decodeConnect(reader: PacketReader): ConnectPacket {
  const version = readVersion(reader);
  const flags = reader.uint8();
  checkFlags(flags, version);
  const keepAlive = reader.uint16();
  const properties: PropertyFields = version === 5 ? readPropertyFields(reader, PacketType.CONNECT) : {};

  // The payload, in this order. [MQTT-3.1.3-1], [MQTT-3.1.3-3], [MQTT-3.1.3-4]
  const clientId = reader.string();
  // MQTT 3.1 §3.1: 1 to 23 characters. Longer ones are let pass, as every broker does: clients of the time did not count.
  if (version === 3 && clientId === '')
    throw new PacketError(
      ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
      'The client identifier is empty, which MQTT 3.1 does not allow',
    );
  const will = (flags & 4) === 0 ? undefined : readWill(reader, flags, version); // [MQTT-3.1.2-9]
  let username: string | undefined;
  let password: Uint8Array | undefined;
  // [MQTT-3.1.2-16], [MQTT-3.1.2-17], [MQTT-3.1.2-18], [MQTT-3.1.2-19]. MQTT 3.1 §3.1: the remaining length decides, not the flags.
  if ((flags & 0x80) !== 0 && !(version === 3 && reader.remaining === 0)) username = reader.string(); // [MQTT-3.1.3-12]
  if ((flags & 0x40) !== 0 && !(version === 3 && reader.remaining === 0)) password = reader.binary().slice();
  reader.expectEnd('CONNECT');

  return {
    type: PacketType.CONNECT,
    protocolVersion: version,
    clientId,
    cleanStart: (flags & 2) !== 0,
    keepAlive,
    username,
    password,
    will,
    sessionExpiryInterval: properties.sessionExpiryInterval ?? 0,
    receiveMaximum: properties.receiveMaximum ?? 65_535,
    maximumPacketSize: properties.maximumPacketSize ?? Infinity,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    requestResponseInformation: properties.requestResponseInformation ?? false,
    requestProblemInformation: properties.requestProblemInformation ?? true,
    authenticationMethod: properties.authenticationMethod,
    authenticationData: properties.authenticationData,
    userProperties: properties.userProperties ?? [],
  };
}

function readVersion(reader: PacketReader): ProtocolVersion {
  const name = reader.string();
  const level = reader.uint8();
  // [MQTT-3.1.2-1], [MQTT-3.1.2-2]
  if (name !== 'MQTT' && name !== 'MQIsdp')
    throw new PacketError(ReasonCode.UNSUPPORTED_PROTOCOL_VERSION, 'CONNECT is for another protocol than MQTT');
  if (name === 'MQIsdp' && level === 3) return 3;
  if (name === 'MQTT' && (level === 4 || level === 5)) return level;
  throw new PacketError(
    ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
    `CONNECT asks for protocol ${name} level ${level}; MQTT 5 (level 5), MQTT 3.1.1 (level 4) and MQTT 3.1 (MQIsdp, level 3) are spoken here`,
  );
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  const malformed = (message: string): PacketError => new PacketError(ReasonCode.MALFORMED_PACKET, message);
  // In MQTT 3.1 the lowest bit is not used, and options of a will count with a will only.
  if (version > 3) {
    if ((flags & 1) !== 0) throw malformed('The reserved flag of CONNECT is set'); // [MQTT-3.1.2-3]
    // [MQTT-3.1.2-11], [MQTT-3.1.2-13]; [MQTT311-3.1.2-13], [MQTT311-3.1.2-15]
    if ((flags & 4) === 0 && (flags & 0x38) !== 0) throw malformed('CONNECT has options of a will and no will');
  }
  // [MQTT-3.1.2-12]; [MQTT311-3.1.2-14]
  if ((flags & 4) !== 0 && (flags & 0x18) === 0x18) throw malformed('A will has QoS 3');
  // [MQTT311-3.1.2-22]; MQTT 5 allows a password alone.
  if (version < 5 && (flags & 0xc0) === 0x40) throw malformed('CONNECT has a password and no user name');
}

function readWill(reader: PacketReader, flags: number, version: ProtocolVersion): ReceivedWill {
  let delayInterval = 0;
  let messageExpiryInterval = -1;
  let responseTopic = '';
  const kept: Uint8Array[] = [];
  if (version === 5) {
    const properties = new PropertyReader(reader, WILL);
    while (properties.next()) {
      if (properties.id === PropertyId.WILL_DELAY_INTERVAL) delayInterval = properties.value;
      else if (properties.id === PropertyId.MESSAGE_EXPIRY_INTERVAL) messageExpiryInterval = properties.value;
      else kept.push(reader.buffer.subarray(properties.start, properties.end));
      if (properties.id === PropertyId.RESPONSE_TOPIC) {
        responseTopic = properties.text();
        checkResponseTopic(responseTopic);
      }
    }
  }
  const topic = reader.string(); // [MQTT-3.1.3-11]
  const problem = topicNameProblem(topic);
  if (problem !== undefined) throw new PacketError(ReasonCode.TOPIC_NAME_INVALID, `The topic of the will ${problem}`);
  return {
    topic,
    payload: reader.binary().slice(),
    qos: (flags >> 3) & 3,
    retain: (flags & 0x20) !== 0,
    delayInterval,
    messageExpiryInterval,
    responseTopic,
    properties: concat(kept),
  };
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}
