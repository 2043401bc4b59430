/** The kinds of packets (RFC 9000 §17), as numbers that fit a bit mask. */
export const PacketType = {
  INITIAL: 0,
  ZERO_RTT: 1,
  HANDSHAKE: 2,
  RETRY: 3,
  ONE_RTT: 4,
  VERSION_NEGOTIATION: 5,
  /** A long header of a version we do not speak: only what RFC 8999 promises is known of it. */
  UNKNOWN_VERSION: 6,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

const NAMES = ['Initial', '0-RTT', 'Handshake', 'Retry', '1-RTT', 'Version Negotiation', 'unknown version'] as const;

/** @returns the RFC's name of a packet type, for messages and logs. */
export function packetTypeName(type: PacketType): string {
  return NAMES[type];
}
