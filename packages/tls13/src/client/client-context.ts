/** What all states of a client handshake have in common. */
import type { CipherSuite } from '../cipher-suites.ts';
import type { CertificateOffer } from '../config.ts';
import type { CertificateWishes } from '../authentication/own-chain.ts';
import type { OpaqueExtension } from '../handshake.ts';
import type { HandshakeOutput } from '../handshake-machine.ts';
import type { KeyLogger } from '../key-log.ts';
import type { HandshakeSchedule } from '../key-schedule.ts';
import type { ClientSettings } from '../settings.ts';
import type { Transcript } from '../transcript.ts';
import type { OfferedSession } from './offered-session.ts';

export interface ClientContext {
  readonly settings: ClientSettings;
  readonly serverName: string;
  /** Opaque extensions of the ClientHello. */
  readonly extensions: readonly OpaqueExtension[];
  /** The same in both ClientHellos. */
  readonly random: Uint8Array;
  readonly keyLogger: KeyLogger;
  readonly output: HandshakeOutput;
}

/** What is known from ServerHello on. */
export interface ClientKeys {
  readonly suite: CipherSuite;
  readonly transcript: Transcript;
  readonly schedule: HandshakeSchedule;
  /** Types of the extensions in our last ClientHello: answers may carry no others. */
  readonly offered: ReadonlySet<number>;
  /** The session that the server resumes; undefined for a full handshake. */
  readonly resumed: OfferedSession | undefined;
  /** Whether our last ClientHello offered early data. */
  readonly isEarlyDataOffered: boolean;
}

/** A CertificateRequest: what the server can use. */
export interface CertificateRequested {
  readonly offer: CertificateOffer;
  readonly wishes: CertificateWishes;
}

/** What the server's flight has decided so far. */
export interface ClientParameters {
  /** Empty where none was agreed on. */
  readonly alpnProtocol: string;
  /** The server's opaque extensions. */
  readonly peerExtensions: readonly OpaqueExtension[];
  readonly isEarlyDataAccepted: boolean;
  /** Undefined where the server did not ask. */
  readonly requested: CertificateRequested | undefined;
  /** DER, leaf first; of a resumed session that of the session. */
  readonly peerCertificates: readonly Uint8Array[];
  /** ms since 1970: when this authentication of the server ends to be good for new connections. */
  readonly authenticatedUntil: number;
}
