/** CONNECT as a client writes it (MQTT 5 §3.1). */
import { encodeMessageProperties } from './message-properties.ts';
import type { MessageProperties } from './message-properties.ts';
import { PacketType } from './packet-types.ts';
import type { ProtocolVersion } from './packet-types.ts';
import { WILL } from './properties.ts';
import type { PropertyFields } from './properties.ts';
import { packetWriter } from './writer.ts';

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

/** Properties are left out of a CONNECT of MQTT 3.1.1 and 3.1. */
export interface ConnectFields extends Pick<
  PropertyFields,
  | 'sessionExpiryInterval'
  | 'receiveMaximum'
  | 'maximumPacketSize'
  | 'topicAliasMaximum'
  | 'requestResponseInformation'
  | 'requestProblemInformation'
  | 'authenticationMethod'
  | 'authenticationData'
  | 'userProperties'
> {
  readonly protocolVersion: ProtocolVersion;
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds, 0 = off. */
  readonly keepAlive: number;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  readonly will?: WillFields | undefined;
}

export function encodeConnect(fields: ConnectFields): Uint8Array {
  const { protocolVersion: version, username, password, will } = fields;
  // These bytes need the writer themselves.
  const messageProperties = will === undefined || version < 5 ? undefined : encodeMessageProperties(will);
  const out = packetWriter.begin();
  out.string(version === 3 ? 'MQIsdp' : 'MQTT').uint8(version); // [MQTT-3.1.2-1]
  out.uint8(
    (username === undefined ? 0 : 0x80) |
      (password === undefined ? 0 : 0x40) |
      (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
      (fields.cleanStart ? 2 : 0),
  );
  out.uint16(fields.keepAlive);
  if (version === 5) out.properties(PacketType.CONNECT, fields);
  out.string(fields.clientId);
  if (will !== undefined) {
    if (version === 5) {
      const { delayInterval: willDelayInterval, messageExpiryInterval } = will;
      out.properties(WILL, { willDelayInterval, messageExpiryInterval }, messageProperties);
    }
    out.string(will.topic).binary(will.payload);
  }
  if (username !== undefined) out.string(username);
  if (password !== undefined) out.binary(password);
  return out.finish(PacketType.CONNECT << 4);
}
