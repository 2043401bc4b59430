/** The client has sent its first ClientHello: ServerHello or HelloRetryRequest comes (RFC 8446 §4.1.3, §4.1.4). */
import { illegalParameter } from '../errors.ts';
import { ExtensionType, refuseUnsolicited } from '../extensions.ts';
import { readCookie } from '../extensions/cookie.ts';
import { readSelectedGroup } from '../extensions/key-share.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { readServerHello, type ServerHello } from '../messages/server-hello.ts';
import { Transcript, transcriptWithRetry } from '../transcript.ts';
import { acceptServerHello } from './accept-server-hello.ts';
import { checkServerHello } from './check-server-hello.ts';
import type { ClientContext } from './client-context.ts';
import { sendClientHello, type SentClientHello } from './hello.ts';
import { WaitServerHelloAfterRetry } from './wait-server-hello-after-retry.ts';

export class WaitServerHello implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.INITIAL;
  readonly expects: readonly number[] = [HandshakeType.SERVER_HELLO];
  readonly #context: ClientContext;
  readonly #sent: SentClientHello;

  constructor(context: ClientContext, sent: SentClientHello) {
    this.#context = context;
    this.#sent = sent;
  }

  handle(message: HandshakeMessage): HandshakeState {
    const hello = readServerHello(message.body);
    if (hello.isHelloRetryRequest) return this.#retry(hello, message.raw);
    const { settings } = this.#context;
    const suite = checkServerHello(hello, settings.cipherSuites);
    const transcript = new Transcript(settings.provider, suite).add(this.#sent.message).add(message.raw);
    return acceptServerHello(this.#context, this.#sent, hello, suite, transcript);
  }

  #retry(request: ServerHello, raw: Uint8Array): HandshakeState {
    const { settings } = this.#context;
    const suite = checkServerHello(request, settings.cipherSuites);
    // RFC 8446 §4.1.4: a cookie is the one extension that may come without having been asked for.
    refuseUnsolicited(request.extensions, new Set([...this.#sent.offered, ExtensionType.COOKIE]));

    const cookieData = request.extensions.get(ExtensionType.COOKIE);
    const cookie = cookieData === undefined ? undefined : readCookie(cookieData);
    const groupData = request.extensions.get(ExtensionType.KEY_SHARE);
    let shares = this.#sent.shares;
    if (groupData !== undefined) {
      const selected = readSelectedGroup(groupData);
      // RFC 8446 §4.2.8: it must be in supported_groups, and no share may have been sent for it.
      const known = settings.groups.find((each) => each === selected);
      if (known === undefined)
        throw illegalParameter(`HelloRetryRequest asks for group ${selected}, which was not offered`);
      if (shares.some((share) => share.group === known)) {
        throw illegalParameter(`HelloRetryRequest asks for group ${selected}, whose share was sent`);
      }
      shares = settings.provider.generateKeyShares([known], settings.random);
    } else if (cookie === undefined) {
      // RFC 8446 §4.1.4: "if the HelloRetryRequest would not result in any change in the ClientHello".
      throw illegalParameter('HelloRetryRequest changes nothing');
    }

    const transcript = transcriptWithRetry(settings.provider, suite, this.#sent.message, raw);
    const sent = sendClientHello(this.#context, shares, cookie);
    transcript.add(sent.message);
    return new WaitServerHelloAfterRetry(this.#context, sent, suite, transcript);
  }
}
