/** Packet number spaces (RFC 9000 §12.3). 0-RTT and 1-RTT packets share the last one. */
export const Space = {
  INITIAL: 0,
  HANDSHAKE: 1,
  APPLICATION: 2,
} as const;
export type Space = (typeof Space)[keyof typeof Space];

/** All of them, in the order in which a handshake uses them. */
export const SPACES: readonly Space[] = [Space.INITIAL, Space.HANDSHAKE, Space.APPLICATION];
