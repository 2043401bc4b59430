/** MQTT control packet types (MQTT 5 §2.1.2): the upper four bits of the first byte. */
export const PacketType = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
  AUTH: 15,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** The MQTT versions that we speak, as CONNECT carries them: 3 is MQTT 3.1, 4 is MQTT 3.1.1. */
export type ProtocolVersion = 3 | 4 | 5;

/** Who sent a packet. */
export type Sender = 'client' | 'server';

const NAMES: readonly string[] = ['reserved packet type 0', ...Object.keys(PacketType)];

/** @param type 0..15. @returns the name for messages and logs. */
export function packetTypeName(type: number): string {
  return NAMES[type] ?? `packet type ${type}`;
}
