/**
 * What both roles share: the events that wait, the bytes that wait, and the step from one state to the next.
 *
 * A state names the level it reads and the messages it expects; whatever else comes is unexpected_message as soon as its
 * first byte is there. The rest of a handshake is in the states: client/ and server/.
 */
import { Alert } from './alerts.ts';
import { AwaitAnswer, type Answer, type Question } from './await-answer.ts';
import type { CipherSuite } from './cipher-suites.ts';
import type { Credential } from './config.ts';
import { TlsError, unexpectedMessage } from './errors.ts';
import { EncryptionLevel, type Handshake, type HandshakeEvent } from './handshake.ts';
import { exportKeyingMaterial } from './key-schedule.ts';
import { MAX_MESSAGE_LENGTH, MAX_PEER_IDENTITY } from './limits.ts';
import { MessageBuffer } from './message-buffer.ts';
import { messageName, type HandshakeMessage } from './messages/handshake-message.ts';
import type { CryptoProvider } from './provider.ts';
import type { ServerSession } from './sessions/server-session.ts';

/** One state of a handshake: what is known by now, and what may come next. */
export interface HandshakeState {
  /** The level whose messages this state reads. */
  readonly level: EncryptionLevel;
  /** Types of message that may come now. */
  readonly expects: readonly number[];
  /** Whether messages must wait, because someone on our side has to decide or act first. */
  readonly isPaused?: boolean;
  /** Called for expected messages only. @throws TlsError */
  handle(message: HandshakeMessage, unixTime: number): HandshakeState;
}

/** What the states of a handshake may tell the outside. */
export interface HandshakeOutput {
  emit(event: HandshakeEvent): void;
  setSuite(suite: CipherSuite): void;
  setPeer(chain: readonly Uint8Array[], ocspResponse: Uint8Array | undefined): void;
  setExporter(exporter: Exporter): void;
}

/** What exporting needs after the handshake (RFC 8446 §7.5). */
export interface Exporter {
  readonly provider: CryptoProvider;
  readonly suite: CipherSuite;
  readonly secret: Uint8Array;
}

export abstract class HandshakeMachine implements Handshake {
  abstract readonly isClient: boolean;
  #state: HandshakeState | undefined;
  #failure: TlsError | undefined;
  #suite: CipherSuite | undefined;
  #peerCertificates: readonly Uint8Array[] = [];
  #peerOcspResponse: Uint8Array | undefined;
  #exporter: Exporter | undefined;
  #isComplete = false;
  #isBusy = false;
  #unixTime = 0;
  readonly #buffer = new MessageBuffer();
  #events: HandshakeEvent[] = [];
  #eventIndex = 0;

  /** For the states; not for the carrier, which gets no reference to it. */
  protected readonly output: HandshakeOutput = {
    emit: (event) => {
      if (event.type === 'complete') this.#isComplete = true;
      this.#events.push(event);
    },
    setSuite: (suite) => {
      this.#suite = suite;
    },
    setPeer: (chain, ocspResponse) => {
      this.#peerCertificates = chain;
      this.#peerOcspResponse = ocspResponse;
    },
    setExporter: (exporter) => {
      this.#exporter = exporter;
    },
  };

  get isComplete(): boolean {
    return this.#isComplete;
  }

  get suite(): CipherSuite | undefined {
    return this.#suite;
  }

  get peerCertificates(): readonly Uint8Array[] {
    return this.#peerCertificates;
  }

  get peerOcspResponse(): Uint8Array | undefined {
    return this.#peerOcspResponse;
  }

  /** @throws TlsError ERR_TLS_INVALID_STATE when called twice */
  abstract start(unixTime: number): void;

  /** @throws TlsError ERR_TLS_INVALID_STATE where nothing is to be judged, or what the messages that waited bring up */
  acceptPeerChain(identity?: string): void {
    if (identity !== undefined && identity.length > MAX_PEER_IDENTITY)
      throw invalidState(`identity has ${identity.length} characters, expected ${MAX_PEER_IDENTITY} at most`);
    this.#answer('judge-peer-chain', identity);
  }

  /** Ends the handshake with `error`, which the carrier sends on as it would send one that was thrown. */
  rejectPeerChain(error: TlsError): void {
    this.checkUsable();
    this.#asked('judge-peer-chain');
    this.fail(error);
  }

  /** @throws TlsError ERR_TLS_INVALID_STATE where none is to be chosen, or what follows from the choice */
  provideCredential(credential: Credential | undefined): void {
    this.#answer('choose-certificate', credential);
  }

  /** @throws TlsError ERR_TLS_INVALID_STATE where none is to be looked up, or what follows from the session */
  provideSession(session: ServerSession | undefined): void {
    this.#answer('look-up-ticket', session);
  }

  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array {
    if (!this.#isComplete || this.#exporter === undefined)
      throw invalidState('There is nothing to export before the handshake is complete');
    const { provider, suite, secret } = this.#exporter;
    return exportKeyingMaterial(provider, suite, secret, label, context, length);
  }

  handleMessages(level: EncryptionLevel, data: Uint8Array, unixTime: number): void {
    this.checkUsable();
    const state = this.#state;
    if (state === undefined) throw invalidState('handleMessages() before start()');
    if (data.length === 0) return;
    this.guard(() => {
      // RFC 9001 §4.1.3: what comes at another level is out of order, whatever it says.
      if (level !== state.level)
        throw unexpectedMessage(`handshake bytes at level ${level}, expected level ${state.level}`);
      // No honest peer has more to say before we answer than fits in one message of the largest size.
      if (state.isPaused === true && this.#buffer.length + data.length > MAX_MESSAGE_LENGTH) {
        throw unexpectedMessage('too many handshake bytes while a decision is awaited');
      }
      this.#unixTime = unixTime;
      this.#buffer.append(data);
      this.#handleBuffered(state);
    });
  }

  nextEvent(): HandshakeEvent | undefined {
    const event = this.#events[this.#eventIndex];
    if (event === undefined) {
      if (this.#eventIndex > 0) this.#events = [];
      this.#eventIndex = 0;
      return undefined;
    }
    this.#eventIndex++;
    return event;
  }

  protected get state(): HandshakeState | undefined {
    return this.#state;
  }

  #answer<Q extends Question>(question: Q, answer: Answer<Q>): void {
    this.checkUsable();
    const asked = this.#asked(question);
    this.guard(() => this.resume(asked.proceed(answer)));
  }

  #asked<Q extends Question>(question: Q): AwaitAnswer<Q> {
    const state = this.#state;
    if (!(state instanceof AwaitAnswer) || state.question !== question) throw invalidState(`No ${question} is awaited`);
    return state as AwaitAnswer<Q>;
  }

  /** Goes on in `state`; call inside `guard`. */
  protected advanceTo(state: HandshakeState): void {
    const previous = this.#state;
    this.#state = state;
    // RFC 8446 §5.1, RFC 9001 §4.1.3: a level ends at the end of a message.
    if (previous !== undefined && previous.level !== state.level && this.#buffer.length > 0) {
      throw unexpectedMessage('handshake bytes go on after the last message of their level');
    }
  }

  /** Goes on in `state` with what has been buffered; call inside `guard`. */
  protected resume(state: HandshakeState): void {
    this.advanceTo(state);
    this.#handleBuffered(state);
  }

  /** Ends the handshake: from now on every call throws `error`. */
  protected fail(error: TlsError): void {
    this.#failure = error;
    // Who reads it instead of the event must not see a completion that the carrier was never told of.
    if (this.#events.slice(this.#eventIndex).some((event) => event.type === 'complete')) this.#isComplete = false;
    this.#state = undefined;
    this.#events = [];
    this.#eventIndex = 0;
  }

  /** What goes before a step. A caller's mistake that is found here, and not in the step, leaves the handshake as it was. */
  protected checkUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isBusy) throw invalidState('The handshake was called by one of the hooks that it was calling');
  }

  /** Runs a step. Whatever it throws ends the handshake, and comes out as a TlsError. */
  protected guard(step: () => void): void {
    this.checkUsable();
    this.#isBusy = true;
    try {
      step();
    } catch (cause) {
      // ERR_TLS_INVALID_STATE is a hook's mistake here, and would sound like one of the caller's that has changed nothing.
      const isOurs = cause instanceof TlsError && cause.code !== 'ERR_TLS_INVALID_STATE';
      const error = isOurs ? cause : internalError(cause);
      this.fail(error);
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  #handleBuffered(from: HandshakeState): void {
    let state = from;
    while (state.isPaused !== true) {
      const type = this.#buffer.nextType();
      if (type === undefined) return;
      if (!state.expects.includes(type)) throw unexpectedMessage(this.#unexpected(type, state));
      const message = this.#buffer.take();
      if (message === undefined) return;
      state = state.handle(message, this.#unixTime);
      this.advanceTo(state);
    }
  }

  #unexpected(type: number, state: HandshakeState): string {
    const expected = state.expects.map((each) => messageName(each)).join(' or ');
    return `${messageName(type)} came unexpectedly, expected ${expected === '' ? 'nothing' : expected}`;
  }
}

export function invalidState(message: string): TlsError {
  return new TlsError('ERR_TLS_INVALID_STATE', Alert.INTERNAL_ERROR, message, { fault: 'local' });
}

function internalError(cause: unknown): TlsError {
  return new TlsError('ERR_TLS_INTERNAL', Alert.INTERNAL_ERROR, 'The handshake failed for a reason of its own', {
    fault: 'local',
    cause,
  });
}
