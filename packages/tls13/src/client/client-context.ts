/** What all states of a client handshake have in common. */
import type { CipherSuite } from '../cipher-suites.ts';
import type { OpaqueExtension } from '../handshake.ts';
import type { HandshakeOutput } from '../handshake-machine.ts';
import type { KeyLogger } from '../key-log.ts';
import type { HandshakeSchedule } from '../key-schedule.ts';
import type { ClientSettings } from '../settings.ts';
import type { Transcript } from '../transcript.ts';

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
}
