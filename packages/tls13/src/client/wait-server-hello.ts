/** The client has sent its first ClientHello: ServerHello or HelloRetryRequest comes (RFC 8446 §4.1.3, §4.1.4). */
import { illegalParameter } from '../errors.ts';
import { ExtensionType, refuseUnsolicited } from '../extensions.ts';
import { readCookie } from '../extensions/cookie.ts';
import { readSelectedGroup } from '../extensions/key-share.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { readServerHello, type ServerHello } from '../messages/server-hello.ts';
import type { KeyShare } from '../provider.ts';
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

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const hello = readServerHello(message.body);
    if (hello.isHelloRetryRequest) return this.#retry(hello, message.raw, unixTime);
    const { settings } = this.#context;
    const suite = checkServerHello(hello, settings.cipherSuites);
    const transcript = new Transcript(settings.provider, suite).add(this.#sent.message).add(message.raw);
    return acceptServerHello(this.#context, this.#sent, hello, suite, transcript);
  }

  #retry(request: ServerHello, raw: Uint8Array, unixTime: number): HandshakeState {
    const { settings } = this.#context;
    const { message, session, isEarlyDataOffered } = this.#sent;
    const suite = checkServerHello(request, settings.cipherSuites);
    // RFC 8446 §4.1.4: a cookie is the one extension that may come without having been asked for.
    refuseUnsolicited(request.extensions, new Set([...this.#sent.offered, ExtensionType.COOKIE]));

    const cookieData = request.extensions.get(ExtensionType.COOKIE);
    const cookie = cookieData === undefined ? undefined : readCookie(cookieData);
    const shares = this.#askedShares(request) ?? this.#sent.shares;
    // RFC 8446 §4.1.4: "if the HelloRetryRequest would not result in any change in the ClientHello".
    if (shares === this.#sent.shares && cookie === undefined)
      throw illegalParameter('HelloRetryRequest changes nothing');

    const start = (): Transcript => transcriptWithRetry(settings.provider, suite, message, raw);
    // RFC 8446 §4.2.10: early data is over, and none must follow the second ClientHello.
    if (isEarlyDataOffered) this.#context.output.emit({ type: 'early-data', isAccepted: false });
    // RFC 8446 §4.1.4: a session whose hash is not that of the suite is of no use any more.
    const offer = {
      shares,
      session: session?.suite.hash === suite.hash ? session : undefined,
      isEarlyDataOffered: false,
    };
    const sent = sendClientHello(
      this.#context,
      offer,
      unixTime,
      (truncated) => start().add(truncated).digest(),
      cookie,
    );
    const transcript = start().add(sent.message);
    return new WaitServerHelloAfterRetry(this.#context, sent, suite, transcript);
  }

  /** @returns undefined where it asks for none */
  #askedShares({ extensions }: ServerHello): readonly KeyShare[] | undefined {
    const { settings } = this.#context;
    const data = extensions.get(ExtensionType.KEY_SHARE);
    if (data === undefined) return undefined;
    const selected = readSelectedGroup(data);
    // RFC 8446 §4.2.8: it must be in supported_groups, and no share may have been sent for it.
    const known = settings.groups.find((each) => each === selected);
    if (known === undefined)
      throw illegalParameter(`HelloRetryRequest asks for group ${selected}, which was not offered`);
    if (this.#sent.shares.some((share) => share.group === known))
      throw illegalParameter(`HelloRetryRequest asks for group ${selected}, whose share was sent`);
    return settings.provider.generateKeyShares([known], settings.random);
  }
}
