/** What all states of a server handshake have in common. */
import type { CipherSuite } from '../cipher-suites.ts';
import type { HandshakeOutput } from '../handshake-machine.ts';
import type { KeyLogger } from '../key-log.ts';
import type { HandshakeSchedule } from '../key-schedule.ts';
import type { NamedGroup, SignatureScheme } from '../provider.ts';
import type { ServerSettings } from '../settings.ts';
import type { Transcript } from '../transcript.ts';

export interface ServerContext {
  readonly settings: ServerSettings;
  /** Types of the opaque extensions that a ClientHello must have. */
  readonly extensionTypes: readonly number[];
  readonly output: HandshakeOutput;
}

/** What a ClientHello and our configuration agree on. */
export interface Negotiated {
  readonly suite: CipherSuite;
  readonly group: NamedGroup;
  /** key_exchange of the client's share of `group`; undefined where it sent none. */
  readonly clientShare: Uint8Array | undefined;
  readonly scheme: SignatureScheme;
  readonly alpnProtocol: string;
  readonly serverName: string | undefined;
}

/** What is known once our ServerHello is out. */
export interface ServerKeys {
  readonly negotiated: Negotiated;
  readonly transcript: Transcript;
  readonly schedule: HandshakeSchedule;
  readonly keyLogger: KeyLogger;
}
