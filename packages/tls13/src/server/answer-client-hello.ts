/**
 * A ClientHello with a share that can be used: first a session to resume is looked for (RFC 8446 §4.2.11), then, without one, a certificate is chosen.
 * Both may make the handshake wait. Then ServerHello goes out.
 */
import { Alert } from '../alerts.ts';
import { chooseCredential, fitCredential, type OwnCredential } from '../authentication/own-chain.ts';
import { AwaitAnswer } from '../await-answer.ts';
import { CIPHER_SUITES } from '../cipher-suites.ts';
import type { Credential } from '../config.ts';
import { equalBytes } from '../constant-time.ts';
import { TlsError } from '../errors.ts';
import { ExtensionType, requireExtension } from '../extensions.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { KeyLogger } from '../key-log.ts';
import { EarlySchedule } from '../key-schedule.ts';
import { MAX_OFFERED_PSKS } from '../limits.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import type { ServerSession } from '../sessions/server-session.ts';
import type { Transcript } from '../transcript.ts';
import { admitsEarlyData } from './early-data.ts';
import { nothingInCommon } from './negotiate.ts';
import { sendServerHello } from './send-server-hello.ts';
import type { Negotiated, ServerContext } from './server-context.ts';

/** The ClientHello that is answered. */
export interface AnsweredHello {
  readonly hello: ClientHello;
  readonly raw: Uint8Array;
  readonly negotiated: Negotiated;
  /** key_exchange of the client's share. */
  readonly clientShare: Uint8Array;
  /** Starts a transcript of what came before this ClientHello. */
  before(): Transcript;
  readonly unixTime: number;
}

/** What the client's session turns out to be. */
interface Resumed {
  readonly session: ServerSession;
  readonly selectedIdentity: number;
  readonly early: EarlySchedule;
}

export class AnswerClientHello {
  readonly #context: ServerContext;
  readonly #answered: AnsweredHello;

  constructor(context: ServerContext, answered: AnsweredHello) {
    this.#context = context;
    this.#answered = answered;
  }

  start(): HandshakeState {
    const { takesTickets } = this.#answered.negotiated;
    return this.#context.settings.resumption !== undefined && takesTickets
      ? this.#tryTicket(0)
      : this.#chooseCertificate();
  }

  /** @param index of an identity that the client offers */
  #tryTicket(index: number): HandshakeState {
    const { settings, output } = this.#context;
    const { negotiated, unixTime } = this.#answered;
    const ticket = negotiated.psks?.identities[index]?.identity;
    if (ticket === undefined || index === MAX_OFFERED_PSKS || settings.resumption === undefined)
      return this.#chooseCertificate();
    const found = settings.resumption.tickets.redeem(ticket, unixTime);
    if (found !== 'wait') return this.#useTicket(index, found);
    output.emit({ type: 'look-up-ticket', ticket });
    return new AwaitAnswer('look-up-ticket', EncryptionLevel.INITIAL, (session) => this.#useTicket(index, session));
  }

  #useTicket(index: number, session: ServerSession | undefined): HandshakeState {
    if (session === undefined || !this.#isUsable(session)) return this.#tryTicket(index + 1);
    const { settings } = this.#context;
    const early = new EarlySchedule(settings.provider, this.#answered.negotiated.suite, session.secret);
    this.#checkBinder(index, early);
    return this.#sendServerHello({ session, selectedIdentity: index, early }, undefined);
  }

  /** What does not fit is passed over: a full handshake follows. */
  #isUsable(session: ServerSession): boolean {
    const { clientAuthentication } = this.#context.settings;
    const { negotiated, unixTime } = this.#answered;
    // RFC 8446 §4.2.11: a pre-shared key belongs to a hash.
    const suite = CIPHER_SUITES.find((each) => each.id === session.cipherSuite);
    if (suite?.hash !== negotiated.suite.hash || session.secret.length !== suite.hashLength) return false;
    if (!(unixTime < session.expiresAt) || session.serverName !== negotiated.serverName) return false;
    // A client that was nobody does not become somebody this way. Who was somebody is asked again where nobody is any more, where other authorities are
    // trusted, and where it would have been judged.
    return session.peerCertificate === undefined
      ? clientAuthentication?.isRequired !== true
      : clientAuthentication !== undefined && equalBytes(session.authenticationContext, clientAuthentication.context);
  }

  /** RFC 8446 §4.2.11: without the right binder the client does not have the key, and there is no connection. */
  #checkBinder(index: number, early: EarlySchedule): void {
    const { raw, negotiated } = this.#answered;
    const { psks } = negotiated;
    const binder = psks?.binders[index];
    const truncated = raw.subarray(0, raw.length - (psks?.bindersLength ?? 0));
    const expected = early.binder(this.#answered.before().add(truncated).digest());
    if (binder === undefined || !equalBytes(binder, expected))
      throw new TlsError('ERR_TLS_AUTHENTICATION', Alert.DECRYPT_ERROR, 'The binder of the pre-shared key is wrong');
  }

  #chooseCertificate(): HandshakeState {
    const { settings, output } = this.#context;
    const { offer } = this.#answered.negotiated;
    // RFC 8446 §9.2: the session was not to be had, and for a full handshake this is mandatory.
    if (offer === undefined) {
      requireExtension(this.#answered.hello.extensions, ExtensionType.SIGNATURE_ALGORITHMS);
      throw nothingInCommon('signature scheme');
    }
    const use = (credential: Credential | undefined): HandshakeState => {
      const own = fitCredential(credential, offer);
      // RFC 8446 §4.4.2.2, §4.4.3: no signature that the client could check.
      if (own === undefined) throw nothingInCommon(credential === undefined ? 'server name' : 'signature scheme');
      return this.#sendServerHello(undefined, own);
    };
    const credential = chooseCredential(settings.credential, offer);
    if (credential !== 'wait') return use(credential);
    output.emit({ type: 'choose-certificate', offer });
    return new AwaitAnswer('choose-certificate', EncryptionLevel.INITIAL, use);
  }

  #sendServerHello(resumed: Resumed | undefined, own: OwnCredential | undefined): HandshakeState {
    const { settings, output } = this.#context;
    const { hello, raw, negotiated, clientShare, unixTime } = this.#answered;
    const transcript = this.#answered.before().add(raw);
    const keyLogger = new KeyLogger(settings.keyLog, hello.random);
    const isEarlyDataAccepted =
      resumed !== undefined &&
      resumed.selectedIdentity === 0 &&
      admitsEarlyData(this.#context, negotiated, resumed.session, unixTime);
    if (isEarlyDataAccepted) {
      const { suite } = negotiated;
      const transcriptHash = transcript.digest();
      keyLogger.early(resumed.early, transcriptHash);
      const secret = resumed.early.clientEarlyTrafficSecret(transcriptHash);
      output.emit({ type: 'read-secret', level: EncryptionLevel.EARLY, suite, secret });
    }
    if (negotiated.isEarlyDataOffered) output.emit({ type: 'early-data', isAccepted: isEarlyDataAccepted });
    return sendServerHello(this.#context, {
      sessionId: hello.legacySessionId,
      negotiated,
      clientShare,
      transcript,
      keyLogger,
      early: resumed?.early ?? new EarlySchedule(settings.provider, negotiated.suite),
      session: resumed?.session,
      selectedIdentity: resumed?.selectedIdentity,
      isEarlyDataAccepted,
      own,
    });
  }
}
