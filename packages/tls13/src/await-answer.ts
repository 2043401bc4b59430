/** A handshake waits for someone on our side to decide. Messages that come meanwhile are kept, within a bound. */
import type { Credential } from './config.ts';
import { unexpectedMessage } from './errors.ts';
import type { EncryptionLevel } from './handshake.ts';
import type { HandshakeState } from './handshake-machine.ts';
import type { ServerSession } from './sessions/server-session.ts';

/** What can be asked, and what the answer is. */
interface Answers {
  /** Is this peer welcome? What a server calls it. */
  'judge-peer-chain': string | undefined;
  'choose-certificate': Credential | undefined;
  'look-up-ticket': ServerSession | undefined;
}

export type Question = keyof Answers;
export type Answer<Q extends Question> = Answers[Q];

export class AwaitAnswer<Q extends Question> implements HandshakeState {
  readonly level: EncryptionLevel;
  readonly expects: readonly number[] = [];
  readonly isPaused: boolean = true;
  readonly question: Q;
  /** Where the answer leads. @throws TlsError */
  readonly proceed: (answer: Answer<Q>) => HandshakeState;

  /** @param level of the messages that come next */
  constructor(question: Q, level: EncryptionLevel, proceed: (answer: Answer<Q>) => HandshakeState) {
    this.question = question;
    this.level = level;
    this.proceed = proceed;
  }

  handle(): HandshakeState {
    throw unexpectedMessage('Nothing is read while a decision is awaited');
  }
}
