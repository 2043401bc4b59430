/** What all states of a server handshake have in common. */
import type { CertificateWishes } from '../authentication/own-chain.ts';
import type { CipherSuite } from '../cipher-suites.ts';
import type { CertificateOffer } from '../config.ts';
import type { OfferedPsks } from '../extensions/pre-shared-key.ts';
import type { HandshakeOutput } from '../handshake-machine.ts';
import type { KeyLogger } from '../key-log.ts';
import type { HandshakeSchedule } from '../key-schedule.ts';
import type { NamedGroup } from '../provider.ts';
import type { ServerSession } from '../sessions/server-session.ts';
import type { ServerSettings } from '../settings.ts';
import type { Transcript } from '../transcript.ts';

export interface ServerContext {
  readonly settings: ServerSettings;
  /** Types of the opaque extensions that a ClientHello must have. */
  readonly extensionTypes: readonly number[];
  readonly earlyDataContext: Uint8Array;
  readonly output: HandshakeOutput;
}

/** What a ClientHello and our configuration agree on, and what else it says. */
export interface Negotiated {
  readonly suite: CipherSuite;
  readonly group: NamedGroup;
  /** key_exchange of the client's share of `group`; undefined where it sent none. */
  readonly clientShare: Uint8Array | undefined;
  /** Empty where none was agreed on. */
  readonly alpnProtocol: string;
  readonly serverName: string | undefined;
  /** Undefined where the client can resume a session but not check a signature. */
  readonly offer: CertificateOffer | undefined;
  readonly wishes: CertificateWishes;
  readonly psks: OfferedPsks | undefined;
  readonly isEarlyDataOffered: boolean;
  /** Whether the client can use pre-shared keys in the way that we do. */
  readonly takesTickets: boolean;
}

/** Who the client is, as far as a connection or a ticket shows it. */
export interface Peer {
  /** What the application called it. */
  readonly identity: string | undefined;
  /** DER of its leaf. */
  readonly certificate: Uint8Array | undefined;
  /** ms since 1970: when this authentication ends to be good for new connections. */
  readonly authenticatedUntil: number;
}

/** What is known once our ServerHello is out. */
export interface ServerKeys {
  readonly negotiated: Negotiated;
  readonly transcript: Transcript;
  readonly schedule: HandshakeSchedule;
  readonly keyLogger: KeyLogger;
  /** The session that is resumed; undefined for a full handshake. */
  readonly session: ServerSession | undefined;
  readonly isEarlyDataAccepted: boolean;
}
