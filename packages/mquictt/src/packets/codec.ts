/**
 * Every packet but PUBLISH, read and written by mqtt-packet under the names of the standard. This is the only file that knows mqtt-packet; what it
 * lets pass and should not is refused by validate.ts before.
 */
import mqttPacket from 'mqtt-packet';
import type { IConnackPacket, IConnectPacket, Packet as ForeignPacket, UserProperties } from 'mqtt-packet';
import { PacketError } from '../errors.ts';
import { ReasonCode, connectReturnCode, reasonCodeOfReturnCode } from '../reason-codes.ts';
import type { MessageProperties } from './message-properties.ts';
import { PacketType } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { PropertyId } from './properties.ts';
import type { PropertyVisitor } from './properties.ts';
import { validatePacket } from './validate.ts';

// Its cache of all two-byte numbers takes 65,536 buffers, and the few packets written here do not need it.
mqttPacket.writeToStream.cacheNumbers = false;

export type UserPropertyList = readonly (readonly [name: string, value: string])[];

/** The will inside CONNECT as a server reads it. */
export interface ReceivedWill {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  /** Seconds. */
  readonly delayInterval: number;
  /** Seconds, -1 when there is none. */
  readonly messageExpiryInterval: number;
  readonly responseTopic: string;
  /** Properties that go on with the message, as bytes in order. */
  readonly properties: Uint8Array;
}

/** The will as a client writes it. */
export interface WillFields extends MessageProperties {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Seconds. */
  readonly delayInterval?: number;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
}

export interface ConnectPacket {
  readonly type: typeof PacketType.CONNECT;
  readonly protocolVersion: ProtocolVersion;
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds, 0 = off. */
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly will: ReceivedWill | undefined;
  /** Seconds. */
  readonly sessionExpiryInterval: number;
  readonly receiveMaximum: number;
  /** Bytes, Infinity when the client set no bound. */
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  readonly requestProblemInformation: boolean;
  readonly authenticationMethod: string | undefined;
  readonly userProperties: UserPropertyList;
}

export interface ConnectFields {
  readonly protocolVersion: ProtocolVersion;
  readonly clientId: string;
  readonly cleanStart: boolean;
  readonly keepAlive: number;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  readonly will?: WillFields | undefined;
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  readonly maximumPacketSize?: number;
}

export interface ConnackFields {
  readonly sessionPresent: boolean;
  /** MQTT 5; what MQTT 3.1.1 calls it is found by itself. */
  readonly reasonCode: number;
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  readonly maximumQos?: number;
  readonly retainAvailable?: boolean;
  readonly maximumPacketSize?: number;
  readonly assignedClientIdentifier?: string;
  readonly topicAliasMaximum?: number;
  readonly reasonString?: string;
  readonly wildcardSubscriptionAvailable?: boolean;
  readonly subscriptionIdentifierAvailable?: boolean;
  readonly sharedSubscriptionAvailable?: boolean;
  readonly serverKeepAlive?: number;
}

export interface ConnackPacket extends ConnackFields {
  readonly type: typeof PacketType.CONNACK;
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP. */
export interface AcknowledgementPacket {
  readonly type:
    typeof PacketType.PUBACK | typeof PacketType.PUBREC | typeof PacketType.PUBREL | typeof PacketType.PUBCOMP;
  readonly packetIdentifier: number;
  readonly reasonCode: number;
  readonly reasonString: string | undefined;
}

export interface SubscriptionRequest {
  readonly topicFilter: string;
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0 = send retained messages, 1 = only for a new subscription, 2 = never. */
  readonly retainHandling: number;
}

export interface SubscribePacket {
  readonly type: typeof PacketType.SUBSCRIBE;
  readonly packetIdentifier: number;
  /** 0 when there is none. */
  readonly subscriptionIdentifier: number;
  readonly subscriptions: readonly SubscriptionRequest[];
}

export interface UnsubscribePacket {
  readonly type: typeof PacketType.UNSUBSCRIBE;
  readonly packetIdentifier: number;
  readonly topicFilters: readonly string[];
}

/** SUBACK and UNSUBACK; the latter has no reason codes in MQTT 3.1.1. */
export interface SubackPacket {
  readonly type: typeof PacketType.SUBACK | typeof PacketType.UNSUBACK;
  readonly packetIdentifier: number;
  readonly reasonCodes: readonly number[];
  readonly reasonString: string | undefined;
}

export interface DisconnectPacket {
  readonly type: typeof PacketType.DISCONNECT;
  readonly reasonCode: number;
  /** Seconds, -1 when there is none. */
  readonly sessionExpiryInterval: number;
  readonly reasonString: string | undefined;
}

export interface AuthPacket {
  readonly type: typeof PacketType.AUTH;
  readonly reasonCode: number;
}

export interface PingPacket {
  readonly type: typeof PacketType.PINGREQ | typeof PacketType.PINGRESP;
}

export type Packet =
  | ConnectPacket
  | ConnackPacket
  | AcknowledgementPacket
  | SubscribePacket
  | UnsubscribePacket
  | SubackPacket
  | DisconnectPacket
  | AuthPacket
  | PingPacket;

/**
 * Reads one whole packet that is not a PUBLISH.
 *
 * @param start where the packet begins; `bodyStart` where its body does
 * @param version of the connection; for CONNECT it does not matter
 * @throws PacketError MALFORMED_PACKET, PROTOCOL_ERROR, UNSUPPORTED_PROTOCOL_VERSION
 */
export function decodePacket(
  buffer: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  version: ProtocolVersion,
): Packet {
  const header = buffer[start];
  const type = header >> 4;
  if (type === PacketType.PINGREQ || type === PacketType.PINGRESP) {
    validatePacket(header, buffer, bodyStart, end, version);
    return { type };
  }
  if (type === PacketType.CONNECT) return decodeConnect(buffer, start, bodyStart, end);
  validatePacket(header, buffer, bodyStart, end, version);
  // MQTT 5 §3.15.2.1 lets an AUTH be empty, mqtt-packet does not.
  if (type === PacketType.AUTH && bodyStart === end) return { type, reasonCode: ReasonCode.SUCCESS };
  return translate(readForeign(buffer, start, end, version), version);
}

/** One parser per version serves all connections: it is given whole packets and keeps nothing between them. */
const parsers = { 4: makeParser(4), 5: makeParser(5) };
let parsed: ForeignPacket | undefined;
let failure: Error | undefined;

function makeParser(version: ProtocolVersion): mqttPacket.Parser {
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', (packet) => {
    parsed = packet;
  });
  parser.on('error', (error: Error) => {
    failure = error;
  });
  return parser;
}

function readForeign(buffer: Uint8Array, start: number, end: number, version: ProtocolVersion): ForeignPacket {
  parsed = undefined;
  failure = undefined;
  try {
    // CONNECT changes the settings of its parser, so it gets one of its own.
    const parser = buffer[start] >> 4 === PacketType.CONNECT ? makeParser(version) : parsers[version];
    parser.parse(Buffer.from(buffer.buffer, buffer.byteOffset + start, end - start));
  } catch (error) {
    failure = error as Error;
  }
  const packet = parsed as ForeignPacket | undefined;
  parsed = undefined;
  if (failure !== undefined || packet === undefined) {
    parsers[version] = makeParser(version);
    throw new PacketError(ReasonCode.MALFORMED_PACKET, failure?.message ?? 'A packet is malformed');
  }
  return packet;
}

function decodeConnect(buffer: Uint8Array, start: number, bodyStart: number, end: number): ConnectPacket {
  const userProperties: (readonly [string, string])[] = [];
  const kept: Uint8Array[] = [];
  const visit: PropertyVisitor = (id, value) => {
    if (id === PropertyId.USER_PROPERTY) userProperties.push(value as [string, string]);
  };
  const visitWill: PropertyVisitor = (id, _value, from, to) => {
    if (id !== PropertyId.WILL_DELAY_INTERVAL && id !== PropertyId.MESSAGE_EXPIRY_INTERVAL)
      kept.push(buffer.subarray(from, to));
  };
  validatePacket(buffer[start], buffer, bodyStart, end, 5, visit, visitWill);
  const packet = readForeign(buffer, start, end, 5) as IConnectPacket;
  const properties = packet.properties ?? {};
  const will = packet.will;
  return {
    type: PacketType.CONNECT,
    protocolVersion: packet.protocolVersion === 5 ? 5 : 4,
    clientId: packet.clientId,
    cleanStart: packet.clean === true,
    keepAlive: packet.keepalive ?? 0,
    username: packet.username,
    password: packet.password === undefined ? undefined : Uint8Array.from(packet.password),
    will:
      will === undefined
        ? undefined
        : {
            topic: will.topic,
            payload: Uint8Array.from(will.payload as Buffer),
            qos: will.qos ?? 0,
            retain: will.retain === true,
            delayInterval: will.properties?.willDelayInterval ?? 0,
            messageExpiryInterval: will.properties?.messageExpiryInterval ?? -1,
            responseTopic: will.properties?.responseTopic ?? '',
            properties: concat(kept),
          },
    sessionExpiryInterval: properties.sessionExpiryInterval ?? 0,
    receiveMaximum: properties.receiveMaximum ?? 65_535,
    maximumPacketSize: properties.maximumPacketSize ?? Infinity,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    requestProblemInformation: properties.requestProblemInformation ?? true,
    authenticationMethod: properties.authenticationMethod,
    userProperties,
  };
}

function translate(packet: ForeignPacket, version: ProtocolVersion): Packet {
  switch (packet.cmd) {
    case 'connack':
      return translateConnack(packet, version);
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return {
        type: ACKNOWLEDGEMENT_TYPES[packet.cmd],
        packetIdentifier: packet.messageId ?? 0,
        reasonCode: packet.reasonCode ?? 0,
        reasonString: packet.properties?.reasonString,
      };
    case 'subscribe':
      return {
        type: PacketType.SUBSCRIBE,
        packetIdentifier: packet.messageId ?? 0,
        subscriptionIdentifier: packet.properties?.subscriptionIdentifier ?? 0,
        subscriptions: packet.subscriptions.map(({ topic, qos, nl, rap, rh }) => ({
          topicFilter: topic,
          qos,
          noLocal: nl === true,
          retainAsPublished: rap === true,
          retainHandling: rh ?? 0,
        })),
      };
    case 'unsubscribe':
      return {
        type: PacketType.UNSUBSCRIBE,
        packetIdentifier: packet.messageId ?? 0,
        topicFilters: packet.unsubscriptions,
      };
    case 'suback':
    case 'unsuback':
      return {
        type: packet.cmd === 'suback' ? PacketType.SUBACK : PacketType.UNSUBACK,
        packetIdentifier: packet.messageId ?? 0,
        reasonCodes: (packet.granted as number[] | undefined) ?? [],
        reasonString: packet.properties?.reasonString,
      };
    case 'disconnect':
      return {
        type: PacketType.DISCONNECT,
        reasonCode: packet.reasonCode ?? 0,
        sessionExpiryInterval: packet.properties?.sessionExpiryInterval ?? -1,
        reasonString: packet.properties?.reasonString,
      };
    case 'auth':
      return { type: PacketType.AUTH, reasonCode: packet.reasonCode };
    default:
      throw new PacketError(ReasonCode.MALFORMED_PACKET, `A ${packet.cmd} packet is not read here`);
  }
}

const ACKNOWLEDGEMENT_TYPES = {
  puback: PacketType.PUBACK,
  pubrec: PacketType.PUBREC,
  pubrel: PacketType.PUBREL,
  pubcomp: PacketType.PUBCOMP,
} as const;

function translateConnack(packet: IConnackPacket, version: ProtocolVersion): ConnackPacket {
  const p = packet.properties ?? {};
  const reasonCode = version === 5 ? (packet.reasonCode ?? 0) : reasonCodeOfReturnCode(packet.returnCode ?? 0);
  return {
    type: PacketType.CONNACK,
    sessionPresent: packet.sessionPresent,
    reasonCode,
    ...defined({
      sessionExpiryInterval: p.sessionExpiryInterval,
      receiveMaximum: p.receiveMaximum,
      maximumQos: p.maximumQoS,
      retainAvailable: p.retainAvailable,
      maximumPacketSize: p.maximumPacketSize,
      assignedClientIdentifier: p.assignedClientIdentifier,
      topicAliasMaximum: p.topicAliasMaximum,
      reasonString: p.reasonString,
      wildcardSubscriptionAvailable: p.wildcardSubscriptionAvailable,
      subscriptionIdentifierAvailable: p.subscriptionIdentifiersAvailable,
      sharedSubscriptionAvailable: p.sharedSubscriptionAvailable,
      serverKeepAlive: p.serverKeepAlive,
    }),
  };
}

export function encodeConnect(fields: ConnectFields): Uint8Array {
  const { protocolVersion, will } = fields;
  return generate(
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion,
      clientId: fields.clientId,
      clean: fields.cleanStart,
      keepalive: fields.keepAlive,
      ...defined({
        username: fields.username,
        password: fields.password === undefined ? undefined : asBuffer(fields.password),
      }),
      ...(will === undefined
        ? {}
        : {
            will: {
              topic: will.topic,
              payload: asBuffer(will.payload),
              qos: will.qos,
              retain: will.retain,
              ...(protocolVersion === 5 ? { properties: willProperties(will) } : {}),
            },
          }),
      ...(protocolVersion === 5
        ? {
            properties: defined({
              sessionExpiryInterval: fields.sessionExpiryInterval,
              receiveMaximum: fields.receiveMaximum,
              maximumPacketSize: fields.maximumPacketSize,
            }),
          }
        : {}),
    },
    protocolVersion,
  );
}

function willProperties(will: WillFields): NonNullable<NonNullable<IConnectPacket['will']>['properties']> {
  const userProperties = Object.create(null) as UserProperties;
  for (const [name, value] of will.userProperties ?? []) {
    const known = userProperties[name];
    userProperties[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return defined({
    willDelayInterval: will.delayInterval,
    messageExpiryInterval: will.messageExpiryInterval,
    payloadFormatIndicator: will.isText,
    contentType: will.contentType,
    responseTopic: will.responseTopic,
    correlationData: will.correlationData === undefined ? undefined : asBuffer(will.correlationData),
    userProperties: will.userProperties === undefined ? undefined : userProperties,
  });
}

export function encodeConnack(fields: ConnackFields, version: ProtocolVersion): Uint8Array {
  if (version === 4) {
    const returnCode = connectReturnCode(fields.reasonCode);
    return generate({ cmd: 'connack', sessionPresent: fields.sessionPresent, returnCode }, 4);
  }
  return generate(
    {
      cmd: 'connack',
      sessionPresent: fields.sessionPresent,
      reasonCode: fields.reasonCode,
      properties: defined({
        sessionExpiryInterval: fields.sessionExpiryInterval,
        receiveMaximum: fields.receiveMaximum,
        maximumQoS: fields.maximumQos,
        retainAvailable: fields.retainAvailable,
        maximumPacketSize: fields.maximumPacketSize,
        assignedClientIdentifier: fields.assignedClientIdentifier,
        topicAliasMaximum: fields.topicAliasMaximum,
        reasonString: fields.reasonString,
        wildcardSubscriptionAvailable: fields.wildcardSubscriptionAvailable,
        subscriptionIdentifiersAvailable: fields.subscriptionIdentifierAvailable,
        sharedSubscriptionAvailable: fields.sharedSubscriptionAvailable,
        serverKeepAlive: fields.serverKeepAlive,
      }),
    },
    5,
  );
}

export function encodeSubscribe(
  packetIdentifier: number,
  subscriptions: readonly SubscriptionRequest[],
  subscriptionIdentifier: number,
  version: ProtocolVersion,
): Uint8Array {
  return generate(
    {
      cmd: 'subscribe',
      messageId: packetIdentifier,
      subscriptions: subscriptions.map(({ topicFilter, qos, noLocal, retainAsPublished, retainHandling }) => ({
        topic: topicFilter,
        qos: qos as 0 | 1 | 2,
        ...(version === 5 ? { nl: noLocal, rap: retainAsPublished, rh: retainHandling } : {}),
      })),
      ...(version === 5 && subscriptionIdentifier > 0 ? { properties: { subscriptionIdentifier } } : {}),
    },
    version,
  );
}

export function encodeUnsubscribe(
  packetIdentifier: number,
  topicFilters: readonly string[],
  version: ProtocolVersion,
): Uint8Array {
  return generate({ cmd: 'unsubscribe', messageId: packetIdentifier, unsubscriptions: [...topicFilters] }, version);
}

export function encodeSuback(
  packetIdentifier: number,
  reasonCodes: readonly number[],
  version: ProtocolVersion,
): Uint8Array {
  // MQTT 3.1.1 knows one code for every refusal.
  const granted = version === 5 ? [...reasonCodes] : reasonCodes.map((code) => (code >= 0x80 ? 0x80 : code));
  return generate({ cmd: 'suback', messageId: packetIdentifier, granted }, version);
}

export function encodeUnsuback(
  packetIdentifier: number,
  reasonCodes: readonly number[],
  version: ProtocolVersion,
): Uint8Array {
  return generate({ cmd: 'unsuback', messageId: packetIdentifier, granted: [...reasonCodes] }, version);
}

/** MQTT 3.1.1 has no reason code here. */
export function encodeDisconnect(
  reasonCode: number,
  reasonString: string | undefined,
  version: ProtocolVersion,
): Uint8Array {
  if (version === 4 || (reasonCode === 0 && reasonString === undefined)) return Uint8Array.of(0xe0, 0);
  return generate({ cmd: 'disconnect', reasonCode, properties: defined({ reasonString }) }, 5);
}

/** PUBACK with a reason; see puback.ts for the one without. MQTT 3.1.1 has none. */
export function encodeRefusingPuback(packetIdentifier: number, reasonCode: number): Uint8Array {
  return generate({ cmd: 'puback', messageId: packetIdentifier, reasonCode }, 5);
}

/** PINGREQ. Not to be changed. */
export const PINGREQ: Uint8Array = Uint8Array.of(0xc0, 0);
/** PINGRESP. Not to be changed. */
export const PINGRESP: Uint8Array = Uint8Array.of(0xd0, 0);

function generate(packet: ForeignPacket, version: ProtocolVersion): Uint8Array {
  const { buffer, byteOffset, length } = mqttPacket.generate(packet, { protocolVersion: version });
  return new Uint8Array(buffer, byteOffset, length);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
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

/** Leaves out what is undefined. */
function defined<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
