/** The client has answered a HelloRetryRequest: this time ServerHello must come (RFC 8446 §4.1.4). */
import type { CipherSuite } from '../cipher-suites.ts';
import { illegalParameter, unexpectedMessage } from '../errors.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { readServerHello } from '../messages/server-hello.ts';
import type { Transcript } from '../transcript.ts';
import { acceptServerHello } from './accept-server-hello.ts';
import { checkServerHello } from './check-server-hello.ts';
import type { ClientContext } from './client-context.ts';
import type { SentClientHello } from './hello.ts';

export class WaitServerHelloAfterRetry implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.INITIAL;
  readonly expects: readonly number[] = [HandshakeType.SERVER_HELLO];
  readonly #context: ClientContext;
  readonly #sent: SentClientHello;
  readonly #suite: CipherSuite;
  readonly #transcript: Transcript;

  /** @param suite the one that the HelloRetryRequest chose */
  constructor(context: ClientContext, sent: SentClientHello, suite: CipherSuite, transcript: Transcript) {
    this.#context = context;
    this.#sent = sent;
    this.#suite = suite;
    this.#transcript = transcript;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const hello = readServerHello(message.body);
    // RFC 8446 §4.1.4: a second HelloRetryRequest is an unexpected_message.
    if (hello.isHelloRetryRequest) throw unexpectedMessage('second HelloRetryRequest');
    const suite = checkServerHello(hello, this.#context.settings.cipherSuites);
    // RFC 8446 §4.1.4: the suite stays the one of the HelloRetryRequest.
    if (suite !== this.#suite)
      throw illegalParameter(`ServerHello chose ${suite.name}, HelloRetryRequest ${this.#suite.name}`);
    const transcript = this.#transcript.add(message.raw);
    return acceptServerHello(this.#context, this.#sent, hello, suite, transcript);
  }
}
