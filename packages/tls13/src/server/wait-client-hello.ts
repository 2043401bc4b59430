/** The server waits for the first message: ClientHello (RFC 8446 §4.1.2). */
import { illegalParameter } from '../errors.ts';
import { ExtensionType, requireExtension } from '../extensions.ts';
import { writeSelectedGroup } from '../extensions/key-share.ts';
import { writeSelectedVersion } from '../extensions/supported-versions.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readClientHello, type ClientHello } from '../messages/client-hello.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { HELLO_RETRY_REQUEST_RANDOM, writeServerHello } from '../messages/server-hello.ts';
import { Transcript, transcriptWithRetry } from '../transcript.ts';
import { AnswerClientHello } from './answer-client-hello.ts';
import { negotiate } from './negotiate.ts';
import type { Negotiated, ServerContext } from './server-context.ts';
import { WaitSecondClientHello } from './wait-second-client-hello.ts';

export class WaitClientHello implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.INITIAL;
  readonly expects: readonly number[] = [HandshakeType.CLIENT_HELLO];
  readonly #context: ServerContext;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const { settings, extensionTypes, output } = this.#context;
    const hello = readClientHello(message.body);
    const negotiated = negotiate(settings, hello);
    // RFC 8446 §4.2.2: cookies are for the second ClientHello.
    if (hello.extensions.has(ExtensionType.COOKIE)) throw illegalParameter('The first ClientHello has a cookie');
    for (const type of extensionTypes) {
      // RFC 9001 §8.2: an endpoint that does not send its transport parameters gets missing_extension.
      const data = requireExtension(hello.extensions, type);
      output.emit({ type: 'peer-extension', extensionType: type, data });
    }
    output.setSuite(negotiated.suite);
    const { suite, clientShare } = negotiated;
    if (clientShare === undefined) return this.#retry(hello, negotiated, message.raw);
    const before = (): Transcript => new Transcript(settings.provider, suite);
    return new AnswerClientHello(this.#context, {
      hello,
      raw: message.raw,
      negotiated,
      clientShare,
      before,
      unixTime,
    }).start();
  }

  /** RFC 8446 §4.1.4: a group in common but no share of it. */
  #retry(hello: ClientHello, negotiated: Negotiated, raw: Uint8Array): HandshakeState {
    const { settings, output } = this.#context;
    const request = writeServerHello({
      random: HELLO_RETRY_REQUEST_RANDOM,
      legacySessionIdEcho: hello.legacySessionId,
      cipherSuite: negotiated.suite.id,
      extensions: new Map<number, Uint8Array>([
        [ExtensionType.SUPPORTED_VERSIONS, writeSelectedVersion()],
        [ExtensionType.KEY_SHARE, writeSelectedGroup(negotiated.group)],
      ]),
    });
    output.emit({ type: 'send', level: EncryptionLevel.INITIAL, data: request });
    // RFC 8446 §4.2.10: a HelloRetryRequest refuses early data.
    if (negotiated.isEarlyDataOffered) output.emit({ type: 'early-data', isAccepted: false });
    const before = (): Transcript => transcriptWithRetry(settings.provider, negotiated.suite, raw, request);
    return new WaitSecondClientHello(this.#context, hello, negotiated, before);
  }
}
