/** What a packet may say for people besides its reason code, and what keeps it from being said. */
import type { UserPropertyList } from './properties.ts';

export interface Diagnostics {
  readonly reasonString?: string | undefined;
  readonly userProperties?: UserPropertyList | undefined;
}

/** What the peer said about packets for it. */
export interface PeerLimits {
  /** Bytes; Infinity when it set no bound. */
  readonly maximumPacketSize: number;
  /** Whether it wants diagnostics in other packets than CONNACK and DISCONNECT. */
  readonly requestProblemInformation: boolean;
}

export const NO_LIMITS: PeerLimits = { maximumPacketSize: Infinity, requestProblemInformation: true };

/**
 * Encodes a packet with as much of its diagnostics as the peer takes: a reason string or user properties that would make the packet too large stay out.
 * What is too large without them is returned all the same: its owner must not send it. [MQTT-3.1.2-24]
 *
 * [MQTT-3.2.2-19], [MQTT-3.2.2-20], [MQTT-3.4.2-2], [MQTT-3.4.2-3], [MQTT-3.5.2-2], [MQTT-3.5.2-3], [MQTT-3.6.2-2], [MQTT-3.6.2-3], [MQTT-3.7.2-2],
 * [MQTT-3.7.2-3], [MQTT-3.9.2-1], [MQTT-3.9.2-2], [MQTT-3.11.2-1], [MQTT-3.11.2-2], [MQTT-3.14.2-3], [MQTT-3.14.2-4], [MQTT-3.15.2-2], [MQTT-3.15.2-3]
 */
export function encodeWithin<Fields extends Diagnostics>(
  fields: Fields,
  peer: PeerLimits,
  encode: (fields: Fields) => Uint8Array,
): Uint8Array {
  let packet = encode(fields);
  if (packet.length > peer.maximumPacketSize && fields.userProperties !== undefined)
    packet = encode({ ...fields, userProperties: undefined });
  if (packet.length > peer.maximumPacketSize && fields.reasonString !== undefined)
    packet = encode({ ...fields, userProperties: undefined, reasonString: undefined });
  return packet;
}

/** What is left for a peer that may not have asked for diagnostics. Not for CONNACK and DISCONNECT. [MQTT-3.1.2-29] */
export function wantedDiagnostics(diagnostics: Diagnostics, peer: PeerLimits): Diagnostics {
  return peer.requestProblemInformation ? diagnostics : {};
}

export function hasDiagnostics({ reasonString, userProperties }: Diagnostics): boolean {
  return reasonString !== undefined || (userProperties !== undefined && userProperties.length > 0);
}
