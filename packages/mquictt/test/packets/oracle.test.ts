/**
 * mqtt-packet 9 as an oracle: what both read means the same; what it reads and we refuse, and the other way round, is listed here by reason, so that a
 * new difference shows.
 */
import * as fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import type { Packet as ForeignPacket } from 'mqtt-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketError } from '../../src/errors.ts';
import type { Packet } from '../../src/packets/codec.ts';
import { PacketType, packetTypeName } from '../../src/packets/packet-types.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';
import type { UserPropertyList } from '../../src/packets/properties.ts';
import { reasonCodeOfReturnCode } from '../../src/reason-codes.ts';
import { anyPacket } from '../support/arbitrary-packets.ts';
import { decode, packetOf } from '../support/codec.ts';
import { hex, toHex } from '../support/hex.ts';
import { SEED } from '../support/seed.ts';

const test = suite('oracle');

/** Values by name; what is not there is left out. */
type Plain = Record<string, unknown>;

function foreign(packet: Uint8Array, version: ProtocolVersion): ForeignPacket | Error {
  const parser = mqttPacket.parser({ protocolVersion: version } as Parameters<typeof mqttPacket.parser>[0]);
  let found: ForeignPacket | Error = new Error('nothing came out');
  parser.on('packet', (packet) => {
    found = packet;
  });
  parser.on('error', (error: Error) => {
    found = error;
  });
  try {
    parser.parse(Buffer.from(packet));
  } catch (error) {
    found = error as Error;
  }
  return found;
}

/** mqtt-packet keeps user properties by name: the order between names is lost, and so is an empty value that is followed by another. */
function byName(list: UserPropertyList): Plain {
  const names: Record<string, string | string[]> = {};
  for (const [name, value] of list) {
    const known = names[`=${name}`];
    names[`=${name}`] = known === undefined || known === '' ? value : [known, value].flat();
  }
  return names;
}

function plainProperties(source: object): Plain {
  const plain: Plain = {};
  for (const [name, value] of Object.entries(source) as [string, unknown][]) {
    if (value === undefined) continue;
    if (name === 'userProperties') {
      const names = Array.isArray(value)
        ? byName(value as UserPropertyList)
        : Object.fromEntries(Object.entries(value as object).map(([key, text]) => [`=${key}`, text as unknown]));
      if (Object.keys(names).length > 0) plain[name] = names;
    } else {
      const renamed =
        name === 'maximumQoS'
          ? 'maximumQos'
          : name === 'subscriptionIdentifiersAvailable'
            ? 'subscriptionIdentifierAvailable'
            : name;
      plain[renamed] = value instanceof Uint8Array ? toHex(value) : value;
    }
  }
  return plain;
}

/** What a packet of ours says, in the terms of both. */
function plainOurs(packet: Packet): Plain {
  switch (packet.type) {
    case PacketType.CONNECT: {
      const { type, protocolVersion, clientId, cleanStart, keepAlive, username, password, will, ...properties } =
        packet;
      const { sessionExpiryInterval, receiveMaximum, maximumPacketSize, topicAliasMaximum, ...rest } = properties;
      return {
        type,
        protocolVersion,
        clientId,
        cleanStart,
        keepAlive,
        ...plainProperties({ username, password, ...rest }),
        sessionExpiryInterval,
        receiveMaximum,
        maximumPacketSize,
        topicAliasMaximum,
        will:
          will === undefined
            ? undefined
            : [will.topic, toHex(will.payload), will.qos, will.retain, will.delayInterval, will.messageExpiryInterval],
      };
    }
    case PacketType.SUBSCRIBE:
      return {
        type: packet.type,
        packetIdentifier: packet.packetIdentifier,
        subscriptionIdentifier: packet.subscriptionIdentifier,
        subscriptions: packet.subscriptions.map((one) => [
          one.topicFilter,
          one.qos,
          one.noLocal,
          one.retainAsPublished,
          one.retainHandling,
        ]),
        ...plainProperties({ userProperties: packet.userProperties }),
      };
    default:
      return plainProperties(packet);
  }
}

function plainForeign(packet: ForeignPacket, version: ProtocolVersion): Plain {
  const properties = plainProperties((packet as { properties?: object }).properties ?? {});
  switch (packet.cmd) {
    case 'connect':
      return {
        type: PacketType.CONNECT,
        protocolVersion: packet.protocolVersion,
        clientId: packet.clientId,
        cleanStart: packet.clean,
        keepAlive: packet.keepalive,
        ...plainProperties({ username: packet.username, password: packet.password }),
        requestResponseInformation: false,
        requestProblemInformation: true,
        sessionExpiryInterval: 0,
        receiveMaximum: 65_535,
        maximumPacketSize: Infinity,
        topicAliasMaximum: 0,
        ...properties,
        will:
          packet.will === undefined
            ? undefined
            : [
                packet.will.topic,
                toHex(packet.will.payload as Buffer),
                packet.will.qos,
                packet.will.retain,
                packet.will.properties?.willDelayInterval ?? 0,
                packet.will.properties?.messageExpiryInterval ?? -1,
              ],
      };
    case 'connack': {
      const code = version === 5 ? packet.reasonCode : reasonCodeOfReturnCode(packet.returnCode ?? 0);
      const sessionPresent = packet.sessionPresent && version > 3;
      return { type: PacketType.CONNACK, sessionPresent, reasonCode: code, ...properties };
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp': {
      const type = { puback: 4, pubrec: 5, pubrel: 6, pubcomp: 7 }[packet.cmd];
      return { type, packetIdentifier: packet.messageId, reasonCode: packet.reasonCode ?? 0, ...properties };
    }
    case 'subscribe':
      return {
        type: PacketType.SUBSCRIBE,
        packetIdentifier: packet.messageId,
        subscriptionIdentifier: 0,
        subscriptions: packet.subscriptions.map(({ topic, qos, nl, rap, rh }) => [
          topic,
          qos,
          nl ?? false,
          rap ?? false,
          rh ?? 0,
        ]),
        ...properties,
      };
    case 'unsubscribe':
      return {
        type: PacketType.UNSUBSCRIBE,
        packetIdentifier: packet.messageId,
        topicFilters: packet.unsubscriptions,
        ...properties,
      };
    case 'suback':
    case 'unsuback':
      return {
        type: packet.cmd === 'suback' ? PacketType.SUBACK : PacketType.UNSUBACK,
        packetIdentifier: packet.messageId,
        reasonCodes: (packet as { granted?: unknown }).granted ?? [],
        ...properties,
      };
    case 'disconnect':
      return {
        type: PacketType.DISCONNECT,
        reasonCode: packet.reasonCode ?? 0,
        sessionExpiryInterval: -1,
        ...properties,
      };
    case 'auth':
      return { type: PacketType.AUTH, reasonCode: packet.reasonCode, ...properties };
    default:
      return { type: packet.cmd === 'pingreq' ? PacketType.PINGREQ : PacketType.PINGRESP };
  }
}

interface Difference {
  /** The statement, and the case. */
  readonly what: string;
  readonly version: ProtocolVersion;
  readonly bytes: string;
  /** What the side that refuses it says. */
  readonly says: RegExp;
}

/** What mqtt-packet lets pass and we refuse. */
const ONLY_THEIRS: readonly Difference[] = [
  {
    what: '[MQTT-1.5.4-1] surrogates',
    version: 5,
    bytes: '90 0a 0001 06 1f 0003 eda080 00',
    says: /not well-formed UTF-8/,
  },
  { what: '[MQTT-1.5.4-2] U+0000', version: 5, bytes: '90 08 0001 04 1f 0001 00 00', says: /contains U\+0000/ },
  { what: '[MQTT-1.5.5-1] long lengths', version: 5, bytes: '90 05 0001 8000 00', says: /longer than it has to be/ },
  { what: '[MQTT-2.2.1-3] identifier 0', version: 4, bytes: '62 02 0000', says: /packet identifier is 0/ },
  {
    what: '§2.2.2.2 properties of others',
    version: 5,
    bytes: '90 07 0001 03 21 0001 00',
    says: /does not belong into/,
  },
  { what: '§2.2.2.2 repeated properties', version: 5, bytes: '20 09 00 00 06 21 0001 21 0002', says: /more than once/ },
  { what: '§2.2.2.2 flags above 1', version: 5, bytes: '20 05 00 00 02 25 02', says: /expected 0 or 1/ },
  { what: '§2.2.2.2 values of 0', version: 5, bytes: '20 06 00 00 03 21 0000', says: /Property 0x[0-9a-f]+ is 0/ },
  {
    what: '§2.2.2.1 values beyond their section',
    version: 5,
    bytes: 'b0 0b 0001 05 26 0001 61 00 01 62 00',
    says: /longer than (its|their) packet/,
  },
  {
    what: '[MQTT-3.1.2-2] levels under another name',
    version: 4,
    bytes: '10 0d 0004 4d515454 03 02 0000 0001 61',
    says: /asks for protocol/,
  },
  {
    what: '[MQTT-3.1.2-12] wills of QoS 3',
    version: 4,
    bytes: '10 12 0004 4d515454 04 1e 0000 0000 0001 77 0001 78',
    says: /will has QoS 3/,
  },
  {
    what: '[MQTT311-3.1.2-22]: passwords alone',
    version: 4,
    bytes: '10 0f 0004 4d515454 04 42 0000 0000 0001 61',
    says: /password and no user name/,
  },
  {
    what: '[MQTT-4.7.0-1] wills to wildcards',
    version: 4,
    bytes: '10 12 0004 4d515454 04 06 0000 0000 0001 2b 0001 78',
    says: /topic of the will/,
  },
  {
    what: '[MQTT-3.2.2-6] refusals with a session',
    version: 4,
    bytes: '20 02 01 05',
    says: /says that there is a session/,
  },
  {
    what: '[MQTT-3.2.2-8] other return codes',
    version: 4,
    bytes: '20 02 00 0b',
    says: /CONNACK does not have (return|reason) code/,
  },
  { what: '[MQTT-3.8.3-2] SUBSCRIBE without filters', version: 4, bytes: '82 02 0001', says: /no topic filter/ },
  {
    what: '[MQTT-3.8.3-4] shared subscriptions with No Local',
    version: 5,
    bytes: '82 10 0001 00 000a 2473686172652f672f61 04',
    says: /asks for No Local/,
  },
  {
    what: '§3.15.2.2.2 AUTH without a method',
    version: 5,
    bytes: 'f0 02 18 00',
    says: /does not name its authentication method/,
  },
  {
    what: '§3.1.2.11.10 data without a method',
    version: 5,
    bytes: '20 07 00 00 04 16 0001 61',
    says: /data without a method/,
  },
  { what: '[MQTT-3.1.4-1] bytes after the end', version: 5, bytes: 'e0 03 00 00 00', says: /bytes after its end/ },
  {
    what: 'MQTT 3.1 §3.1: empty client identifiers',
    version: 3,
    bytes: '10 0e 0006 4d5149736470 03 02 0000 0000',
    says: /client identifier is empty/,
  },
];

/** What we let pass and mqtt-packet refuses. */
const ONLY_OURS: readonly Difference[] = [
  { what: '§3.15.2.1 an AUTH of no bytes', version: 5, bytes: 'f0 00', says: /./ },
  {
    what: 'MQTT 3.1 §2.1: DUP of a SUBSCRIBE',
    version: 3,
    bytes: '8a 06 0001 0001 61 01',
    says: /[Ii]nvalid header flag/,
  },
  {
    what: 'MQTT 3.1 §3.8: unused bits of a requested QoS',
    version: 3,
    bytes: '82 06 0001 0001 61 fd',
    says: /Invalid subscribe topic flag bits/,
  },
  {
    what: 'MQTT 3.1 §3.2: the reserved byte of CONNACK',
    version: 3,
    bytes: '20 02 ff 00',
    says: /Invalid connack flags/,
  },
  {
    what: 'MQTT 3.1 §3.1: the unused flag of CONNECT',
    version: 3,
    bytes: '10 0f 0006 4d5149736470 03 03 0000 0001 61',
    says: /Connect flag bit 0 must be 0/,
  },
  {
    what: 'MQTT 3.1 §3.1: options of a will and no will',
    version: 3,
    bytes: '10 0f 0006 4d5149736470 03 3a 0000 0001 61',
    says: /Will (QoS|Retain Flag) must be set to zero/,
  },
  {
    what: 'MQTT 3.1 §3.1: flags of a login that is missing',
    version: 3,
    bytes: '10 0f 0006 4d5149736470 03 c2 0000 0001 61',
    says: /Cannot parse (username|password)/,
  },
];

interface Outcome {
  /** Why we refuse it; empty when we read it. */
  readonly ours: string;
  readonly theirs: string;
}

/** Reads a packet with both, and compares the fields where both read it. */
function compare(bytes: Uint8Array, version: ProtocolVersion): Outcome {
  let ours: Packet | PacketError;
  try {
    ours = decode(bytes, version);
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    ours = error;
  }
  const theirs = foreign(bytes, version);
  if (!(ours instanceof PacketError) && !(theirs instanceof Error))
    assert.equal(plainOurs(ours), plainForeign(theirs, version), `${packetTypeName(bytes[0] >> 4)} ${toHex(bytes)}`);
  return {
    ours: ours instanceof PacketError ? ours.message : '',
    theirs: theirs instanceof Error ? theirs.message : '',
  };
}

for (const { what, version, bytes, says } of ONLY_THEIRS)
  test(`mqtt-packet reads and we refuse: ${what}`, () => {
    const { ours, theirs } = compare(hex(bytes), version);
    assert.is(theirs, '');
    assert.match(ours, says);
  });

for (const { what, version, bytes, says } of ONLY_OURS)
  test(`mqtt-packet refuses and we read: ${what}`, () => {
    const { ours, theirs } = compare(hex(bytes), version);
    assert.is(ours, '');
    assert.match(theirs, says);
  });

test('mqtt-packet reads what we write, and reads the same', () => {
  fc.assert(
    fc.property(anyPacket, ({ bytes, version }) => {
      const { ours, theirs } = compare(bytes, version);
      assert.is(ours, '');
      assert.is(theirs, '', toHex(bytes));
    }),
    { seed: SEED, numRuns: 3_000 },
  );
});

test('of packets with changed bytes both read the same, or the difference is one of those above', () => {
  const anyChange = fc.tuple(fc.nat(10_000), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 0x80)));
  let readByBoth = 0;
  fc.assert(
    fc.property(anyPacket, fc.array(anyChange, { minLength: 1, maxLength: 3 }), ({ bytes, version }, changes) => {
      let headerEnd = 1;
      while (bytes[headerEnd] >= 0x80) headerEnd++;
      const body = bytes.slice(headerEnd + 1);
      for (const [at, value] of changes) if (body.length > 0) body[at % body.length] = value;
      const packet = packetOf(bytes[0], body);
      const { ours, theirs } = compare(packet, version);
      const where = `, level ${version}: ${toHex(packet)}`;
      if (ours === '' && theirs === '') readByBoth++;
      else if (theirs === '')
        assert.ok(
          ONLY_THEIRS.some(({ says }) => says.test(ours)),
          `only mqtt-packet reads: ${ours}${where}`,
        );
      else if (ours === '')
        assert.ok(
          ONLY_OURS.some(({ says }) => says.test(theirs)),
          `only we read: ${theirs}${where}`,
        );
    }),
    { seed: SEED, numRuns: 6_000 },
  );
  assert.ok(readByBoth > 500, `${readByBoth} read by both`);
});

test.run();
