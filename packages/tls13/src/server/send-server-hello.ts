/** From an accepted ClientHello to the handshake keys: ServerHello (RFC 8446 §4.1.3). */
import type { OwnCredential } from '../authentication/own-chain.ts';
import { illegalParameter } from '../errors.ts';
import { ExtensionType } from '../extensions.ts';
import { writeServerShare } from '../extensions/key-share.ts';
import { writeSelectedIdentity } from '../extensions/pre-shared-key.ts';
import { writeSelectedVersion } from '../extensions/supported-versions.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import type { KeyLogger } from '../key-log.ts';
import type { EarlySchedule } from '../key-schedule.ts';
import { RANDOM_LENGTH } from '../messages/client-hello.ts';
import { writeServerHello } from '../messages/server-hello.ts';
import type { ServerSession } from '../sessions/server-session.ts';
import type { Transcript } from '../transcript.ts';
import type { Negotiated, ServerContext } from './server-context.ts';
import { WriteServerFlight } from './write-server-flight.ts';

/** Everything that was decided about a ClientHello. */
export interface HelloDecision {
  readonly sessionId: Uint8Array;
  readonly negotiated: Negotiated;
  readonly clientShare: Uint8Array;
  /** Of everything up to the ClientHello that is answered. */
  readonly transcript: Transcript;
  readonly keyLogger: KeyLogger;
  readonly early: EarlySchedule;
  /** The session that is resumed, and which identity it is; both undefined for a full handshake. */
  readonly session: ServerSession | undefined;
  readonly selectedIdentity: number | undefined;
  readonly isEarlyDataAccepted: boolean;
  /** Undefined where a session is resumed. */
  readonly own: OwnCredential | undefined;
}

export function sendServerHello(context: ServerContext, decision: HelloDecision): HandshakeState {
  const { settings, output } = context;
  const { sessionId, negotiated, clientShare, transcript, keyLogger, early, selectedIdentity, own } = decision;
  const { suite, group } = negotiated;
  const share = settings.provider.answerKeyShare(group, clientShare, settings.random);
  // RFC 8446 §7.4.2, §4.2.8.2: a result of all zeros, a point off the curve.
  if (share === undefined) throw illegalParameter('ClientHello has an unusable key share');

  const random = new Uint8Array(RANDOM_LENGTH);
  settings.random.fillPublic(random);
  const extensions = new Map<number, Uint8Array>([
    [ExtensionType.SUPPORTED_VERSIONS, writeSelectedVersion()],
    [ExtensionType.KEY_SHARE, writeServerShare({ group, keyExchange: share.publicKey })],
  ]);
  if (selectedIdentity !== undefined)
    extensions.set(ExtensionType.PRE_SHARED_KEY, writeSelectedIdentity(selectedIdentity));
  const hello = writeServerHello({ random, legacySessionIdEcho: sessionId, cipherSuite: suite.id, extensions });
  transcript.add(hello);
  output.emit({ type: 'send', level: EncryptionLevel.INITIAL, data: hello });

  const schedule = early.handshake(share.sharedSecret, transcript.digest());
  keyLogger.handshake(schedule);
  const level = EncryptionLevel.HANDSHAKE;
  output.emit({ type: 'read-secret', level, suite, secret: schedule.clientTrafficSecret });
  output.emit({ type: 'write-secret', level, suite, secret: schedule.serverTrafficSecret });
  const { session, isEarlyDataAccepted } = decision;
  const keys = { negotiated, transcript, schedule, keyLogger, session, isEarlyDataAccepted };
  return new WriteServerFlight(context, keys, own);
}
