/** A HelloRetryRequest has gone out: the same ClientHello must come again, with the share that was asked for. */
import { equalBytes } from '../constant-time.ts';
import { illegalParameter } from '../errors.ts';
import { ExtensionType, extensionName, requireExtension, type Extensions } from '../extensions.ts';
import { readClientShares } from '../extensions/key-share.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { readClientHello, type ClientHello } from '../messages/client-hello.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import type { Transcript } from '../transcript.ts';
import { AnswerClientHello } from './answer-client-hello.ts';
import { negotiate } from './negotiate.ts';
import type { Negotiated, ServerContext } from './server-context.ts';

// RFC 8446 §4.1.2: what a client may change between its two hellos. (A cookie would be new, but we never send one.)
const CHANGEABLE: ReadonlySet<number> = new Set<number>([
  ExtensionType.KEY_SHARE,
  ExtensionType.EARLY_DATA,
  ExtensionType.PRE_SHARED_KEY,
  ExtensionType.PADDING,
]);

export class WaitSecondClientHello implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.INITIAL;
  readonly expects: readonly number[] = [HandshakeType.CLIENT_HELLO];
  readonly #context: ServerContext;
  readonly #first: ClientHello;
  readonly #negotiated: Negotiated;
  readonly #before: () => Transcript;

  /** @param before starts a transcript of the first ClientHello and the HelloRetryRequest */
  constructor(context: ServerContext, first: ClientHello, negotiated: Negotiated, before: () => Transcript) {
    this.#context = context;
    this.#first = first;
    this.#negotiated = negotiated;
    this.#before = before;
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const hello = readClientHello(message.body);
    checkUnchanged(this.#first, hello);
    // RFC 8446 §4.2.10: no early data after a HelloRetryRequest.
    if (hello.extensions.has(ExtensionType.EARLY_DATA))
      throw illegalParameter('The second ClientHello offers early data');
    // What may have changed has to be well formed still, and the suite and the group stay those of the HelloRetryRequest.
    const { suite, group } = this.#negotiated;
    const negotiated: Negotiated = { ...negotiate(this.#context.settings, hello), suite, group };
    const shares = readClientShares(requireExtension(hello.extensions, ExtensionType.KEY_SHARE));
    const [share] = shares;
    // RFC 8446 §4.1.2: "a list containing a single KeyShareEntry from the indicated group".
    if (share === undefined || shares.length !== 1 || share.group !== group) {
      throw illegalParameter(`The second ClientHello lacks the one share of group ${group} that was asked for`);
    }
    return new AnswerClientHello(this.#context, {
      hello,
      raw: message.raw,
      negotiated,
      clientShare: share.keyExchange,
      before: this.#before,
      unixTime,
    }).start();
  }
}

function checkUnchanged(first: ClientHello, second: ClientHello): void {
  const isSame =
    first.legacyVersion === second.legacyVersion &&
    equalBytes(first.random, second.random) &&
    equalBytes(first.legacySessionId, second.legacySessionId) &&
    equalBytes(first.legacyCompressionMethods, second.legacyCompressionMethods) &&
    first.cipherSuites.length === second.cipherSuites.length &&
    first.cipherSuites.every((suite, i) => suite === second.cipherSuites[i]);
  if (!isSame) throw illegalParameter('The second ClientHello differs from the first');
  checkKept(first.extensions, second.extensions);
  checkKept(second.extensions, first.extensions);
}

/** Everything fixed in `from` stands in `to` with the same bytes. The order may differ. */
function checkKept(from: Extensions, to: Extensions): void {
  for (const [type, data] of from) {
    if (CHANGEABLE.has(type)) continue;
    const other = to.get(type);
    if (other === undefined || !equalBytes(data, other)) {
      throw illegalParameter(`${extensionName(type)} differs between the two ClientHellos`);
    }
  }
}
