/** Packets as fast-check draws them: everything that may stand in them, with the bytes that we write. */
import * as fc from 'fast-check';
import * as codec from '../../src/packets/codec.ts';
import type { Diagnostics } from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';

/** A packet as bytes, and the fields that reading it must give. */
export interface DrawnPacket {
  readonly version: ProtocolVersion;
  readonly bytes: Uint8Array;
  readonly expected: Readonly<Record<string, unknown>>;
}

const EMPTY = new Uint8Array(0);
/** Any text but U+0000; fast-check draws whole characters. */
const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.replaceAll('\0', ''));
const data = fc.uint8Array({ maxLength: 12 });
const uint16 = fc.nat(65_535);
const uint32 = fc.nat(0xffffffff);
const identifier = fc.integer({ min: 1, max: 65_535 });
const userProperties = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 });
const version = fc.constantFrom<ProtocolVersion>(3, 4, 5);
const topic = fc.stringMatching(/^[a-zäß$ /]{1,20}$/).filter((value) => !value.startsWith('$share'));
const filter = fc.oneof(
  topic,
  fc.constantFrom('#', '+', 'a/#', '+/+/', '$share/g/a', '$share/h/+/#', '$SYS/#', 'a#', ''),
);

/** Any subset of fields. */
function some<T extends Record<string, fc.Arbitrary<unknown>>>(
  fields: T,
): fc.Arbitrary<{ [Key in keyof T]?: T[Key] extends fc.Arbitrary<infer V> ? V : never }> {
  return fc.record(fields, { requiredKeys: [] }) as never;
}

const diagnostics: fc.Arbitrary<Diagnostics> = some({ reasonString: text, userProperties });

function saidOf(version: ProtocolVersion, { reasonString, userProperties = [] }: Diagnostics): Diagnostics {
  return version === 5 ? { reasonString, userProperties } : { reasonString: undefined, userProperties: [] };
}

const connect: fc.Arbitrary<DrawnPacket> = fc
  .record({
    version,
    clientId: text,
    cleanStart: fc.boolean(),
    keepAlive: uint16,
    username: fc.option(text, { nil: undefined }),
    password: fc.option(data, { nil: undefined }),
    properties: some({
      sessionExpiryInterval: uint32,
      receiveMaximum: identifier,
      maximumPacketSize: fc.integer({ min: 1, max: 0xffffffff }),
      topicAliasMaximum: uint16,
      requestResponseInformation: fc.boolean(),
      requestProblemInformation: fc.boolean(),
      authenticationMethod: text,
      userProperties,
    }),
    will: fc.option(
      fc.record({
        topic,
        payload: data,
        qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
        retain: fc.boolean(),
        delayInterval: uint32,
        messageExpiryInterval: uint32,
      }),
      { nil: undefined },
    ),
  })
  .map(({ version, properties, will, clientId: anyId, ...fields }) => {
    const clientId = version === 3 && anyId === '' ? 'x' : anyId;
    // Before MQTT 5 there is no password without a user name.
    const password = version < 5 && fields.username === undefined ? undefined : fields.password;
    const isFive = version === 5;
    return {
      version,
      bytes: codec.encodeConnect({ ...fields, ...properties, clientId, password, will, protocolVersion: version }),
      expected: {
        type: PacketType.CONNECT,
        protocolVersion: version,
        clientId,
        cleanStart: fields.cleanStart,
        keepAlive: fields.keepAlive,
        username: fields.username,
        password,
        will:
          will === undefined
            ? undefined
            : {
                ...will,
                delayInterval: isFive ? will.delayInterval : 0,
                messageExpiryInterval: isFive ? will.messageExpiryInterval : -1,
                responseTopic: '',
                properties: EMPTY,
              },
        sessionExpiryInterval: 0,
        receiveMaximum: 65_535,
        maximumPacketSize: Infinity,
        topicAliasMaximum: 0,
        requestResponseInformation: false,
        requestProblemInformation: true,
        authenticationMethod: undefined,
        authenticationData: undefined,
        userProperties: [],
        ...(isFive ? properties : {}),
      },
    };
  });

const connack: fc.Arbitrary<DrawnPacket> = fc
  .record({
    version,
    sessionPresent: fc.boolean(),
    reasonCode: fc.constantFrom(0, 0x84, 0x85, 0x86, 0x87, 0x88),
    properties: some({
      sessionExpiryInterval: uint32,
      receiveMaximum: identifier,
      maximumQos: fc.nat(1),
      retainAvailable: fc.boolean(),
      maximumPacketSize: fc.integer({ min: 1, max: 0xffffffff }),
      assignedClientIdentifier: text,
      topicAliasMaximum: uint16,
      reasonString: text,
      userProperties,
      wildcardSubscriptionAvailable: fc.boolean(),
      subscriptionIdentifierAvailable: fc.boolean(),
      sharedSubscriptionAvailable: fc.boolean(),
      serverKeepAlive: uint16,
      responseInformation: text,
      serverReference: text,
      authenticationMethod: text,
    }),
  })
  .map(({ version, sessionPresent, reasonCode, properties }) => ({
    version,
    bytes: codec.encodeConnack({ sessionPresent, reasonCode, ...properties }, version),
    expected: {
      type: PacketType.CONNACK,
      sessionPresent: sessionPresent && reasonCode === 0 && version > 3,
      reasonCode,
      ...(version === 5 ? properties : {}),
    },
  }));

const acknowledgement: fc.Arbitrary<DrawnPacket> = fc
  .record({
    version,
    kind: fc.constantFrom(
      [PacketType.PUBACK, 0x97] as const,
      [PacketType.PUBREC, 0x10] as const,
      [PacketType.PUBREL, 0x92] as const,
      [PacketType.PUBCOMP, 0x92] as const,
    ),
    isSuccess: fc.boolean(),
    identifier,
    diagnostics,
  })
  .map(({ version, kind: [type, code], isSuccess, identifier, diagnostics }) => ({
    version,
    bytes: codec.encodeAcknowledgement(type, identifier, isSuccess ? 0 : code, version, diagnostics),
    expected: {
      type,
      packetIdentifier: identifier,
      reasonCode: isSuccess || version < 5 ? 0 : code,
      ...saidOf(version, diagnostics),
    },
  }));

const subscribe: fc.Arbitrary<DrawnPacket> = fc
  .record({
    version,
    identifier,
    subscriptionIdentifier: fc.nat(268_435_455),
    userProperties: fc.option(userProperties, { nil: undefined }),
    subscriptions: fc.array(
      fc.record({
        topicFilter: filter,
        qos: fc.nat(2),
        noLocal: fc.boolean(),
        retainAsPublished: fc.boolean(),
        retainHandling: fc.nat(2),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map(({ version, identifier, subscriptionIdentifier, userProperties, subscriptions: drawn }) => {
    // No Local is not for shared subscriptions.
    const subscriptions = drawn.map((one) => ({
      ...one,
      noLocal: one.noLocal && !one.topicFilter.startsWith('$share/'),
    }));
    const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 };
    return {
      version,
      bytes: codec.encodeSubscribe(identifier, subscriptions, subscriptionIdentifier, version, userProperties),
      expected: {
        type: PacketType.SUBSCRIBE,
        packetIdentifier: identifier,
        subscriptionIdentifier: version === 5 ? subscriptionIdentifier : 0,
        userProperties: version === 5 ? (userProperties ?? []) : [],
        requests: subscriptions.map((one) => (version === 5 ? one : { ...one, ...plain })),
      },
    };
  });

const unsubscribe: fc.Arbitrary<DrawnPacket> = fc
  .record({
    version,
    identifier,
    topicFilters: fc.array(filter, { minLength: 1, maxLength: 5 }),
    userProperties: fc.option(userProperties, { nil: undefined }),
  })
  .map(({ version, identifier, topicFilters, userProperties }) => ({
    version,
    bytes: codec.encodeUnsubscribe(identifier, topicFilters, version, userProperties),
    expected: {
      type: PacketType.UNSUBSCRIBE,
      packetIdentifier: identifier,
      topicFilters,
      userProperties: version === 5 ? (userProperties ?? []) : [],
    },
  }));

const suback: fc.Arbitrary<DrawnPacket> = fc
  .record({
    version,
    identifier,
    isUnsuback: fc.boolean(),
    reasonCodes: fc.array(fc.constantFrom(0, 0x80, 0x87, 0x8f), { minLength: 1, maxLength: 5 }),
    diagnostics,
  })
  .map(({ version, identifier, isUnsuback, reasonCodes, diagnostics }) => {
    const encode = isUnsuback ? codec.encodeUnsuback : codec.encodeSuback;
    const early = isUnsuback ? [] : reasonCodes.map((code) => (code < 0x80 ? code : version === 4 ? 0x80 : 0));
    return {
      version,
      bytes: encode(identifier, reasonCodes, version, diagnostics),
      expected: {
        type: isUnsuback ? PacketType.UNSUBACK : PacketType.SUBACK,
        packetIdentifier: identifier,
        reasonCodes: version === 5 ? reasonCodes : early,
        ...saidOf(version, diagnostics),
      },
    };
  });

const disconnect: fc.Arbitrary<DrawnPacket> = fc
  .record({
    version,
    reasonCode: fc.constantFrom(0, 4, 0x81, 0x8e),
    diagnostics,
    more: some({ sessionExpiryInterval: uint32, serverReference: text }),
  })
  .map(({ version, reasonCode, diagnostics, more }) => {
    const { reasonString, userProperties } = diagnostics;
    const { sessionExpiryInterval = -1, serverReference } = version === 5 ? more : {};
    return {
      version,
      bytes: codec.encodeDisconnect(reasonCode, reasonString, version, { ...more, userProperties }),
      expected: {
        type: PacketType.DISCONNECT,
        reasonCode: version === 5 ? reasonCode : 0,
        sessionExpiryInterval,
        serverReference,
        ...saidOf(version, diagnostics),
      },
    };
  });

const auth: fc.Arbitrary<DrawnPacket> = fc
  .record({
    reasonCode: fc.constantFrom(0, 0x18, 0x19),
    authenticationMethod: text,
    authenticationData: fc.option(data, { nil: undefined }),
    diagnostics,
  })
  .map(({ diagnostics, ...fields }) => ({
    version: 5,
    bytes: codec.encodeAuth({ ...fields, ...diagnostics }),
    expected: { type: PacketType.AUTH, ...fields, ...saidOf(5, diagnostics) },
  }));

/** Any packet but PUBLISH, in any version that has it. */
export const anyPacket: fc.Arbitrary<DrawnPacket> = fc.oneof(
  connect,
  connack,
  acknowledgement,
  subscribe,
  unsubscribe,
  suback,
  disconnect,
  auth,
);
