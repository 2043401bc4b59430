/** What the core asks about clients: who they are, and what they may do. The answers come from outside, see access/. */
import type { ProtocolVersion } from '../packets/packet-types.ts';
import type { ReasonCode } from '../reason-codes.ts';

/** A CONNECT that waits for an answer. */
export interface AuthenticationRequest {
  /** As the client named itself, or as it will be told. */
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  /** What its certificate calls it; undefined where it showed none. */
  readonly certificateName: string | undefined;
  /** Address and port. */
  readonly remote: string;
  readonly protocolVersion: ProtocolVersion;
  /** Whether somebody still waits for the answer. */
  readonly isWanted: boolean;
}

/** Who a client is. */
export interface Identity {
  /** To whom its session belongs, and `%u` of access rules; undefined = nobody in particular. */
  readonly name: string | undefined;
  /** ms, after which the connection ends with 0xA0. @default never */
  readonly validFor?: number;
  /** What it may do, in place of what the broker's rules say. */
  readonly permissions?: ((principal: Principal) => Permissions) | undefined;
}

/** Who it is, or the reason code (0x80 and above) with which CONNECT is refused. */
export type AuthenticationResult = Identity | ReasonCode;

/** For whom a session acts. */
export interface Principal {
  readonly identity: string | undefined;
  readonly clientId: string;
  /** Of its own, see Identity. */
  readonly permissions?: ((principal: Principal) => Permissions) | undefined;
}

/** `retain` is a message that is to be retained, which is `publish` as well. */
export type ClientAction = 'publish' | 'retain' | 'subscribe';

export interface Permissions {
  /** Asked once for each topic that a stream changes to. */
  mayPublish(topic: string, isRetained: boolean): boolean;
  /** @param topicFilter without `$share/{ShareName}/` */
  maySubscribe(topicFilter: string): boolean;
}

const EVERYTHING: Permissions = { mayPublish: () => true, maySubscribe: () => true };

/**
 * Of a client with permissions of its own, for a process that never saw them: what it holds was allowed to it, and the broker's rules are not about it. When
 * it comes back it is judged by what it brings.
 */
export function formerlyGranted(): Permissions {
  return EVERYTHING;
}

/** What is configured. */
export interface AccessPolicy {
  /** Whether each CONNECT waits for BrokerCore.answerConnect(). */
  readonly authenticates: boolean;
  /** @returns undefined = everything is allowed */
  permissionsOf(principal: Principal): Permissions | undefined;
}
