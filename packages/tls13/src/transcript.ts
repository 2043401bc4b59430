/**
 * The transcript hash (RFC 8446 §4.4.1).
 *
 * The hash function is the suite's, and the suite is known only after the first message has gone out. So a transcript
 * starts from the ClientHello's bytes once ServerHello or HelloRetryRequest has named the suite.
 */
import type { CipherSuite } from './cipher-suites.ts';
import { Writer } from './codec.ts';
import { HandshakeType } from './messages/handshake-message.ts';
import type { CryptoProvider, RunningHash } from './provider.ts';

export class Transcript {
  readonly #hash: RunningHash;

  constructor(provider: CryptoProvider, suite: CipherSuite) {
    this.#hash = provider.createHash(suite.hash);
  }

  /** @param message with its header */
  add(message: Uint8Array): this {
    this.#hash.update(message);
    return this;
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }
}

/**
 * Starts a transcript that goes through a HelloRetryRequest.
 *
 * RFC 8446 §4.4.1: the first ClientHello is replaced by a synthetic message_hash message that holds its hash, so that a
 * server need not keep state between the two.
 */
export function transcriptWithRetry(
  provider: CryptoProvider,
  suite: CipherSuite,
  clientHello: Uint8Array,
  helloRetryRequest: Uint8Array,
): Transcript {
  const messageHash = new Writer()
    .uint8(HandshakeType.MESSAGE_HASH)
    .vector24(provider.hash(suite.hash, clientHello))
    .finish();
  return new Transcript(provider, suite).add(messageHash).add(helloRetryRequest);
}
