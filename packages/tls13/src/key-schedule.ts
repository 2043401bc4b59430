/**
 * The key schedule (RFC 8446 §7.1), one class per row of its figure. A phase is made from the one before it and nothing
 * else, so no secret can be derived before what it depends on is known.
 *
 *                  0
 *                  |
 *   PSK or 0 -> HKDF-Extract = Early Secret          EarlySchedule
 *                  |
 *            Derive-Secret(., "derived", "")
 *                  |
 *     (EC)DHE -> HKDF-Extract = Handshake Secret     HandshakeSchedule
 *                  |
 *            Derive-Secret(., "derived", "")
 *                  |
 *          0 -> HKDF-Extract = Master Secret         MasterSchedule
 *
 * What outlives a handshake has no phase: the exporter secret and the resumption secret.
 */
import { asciiBytes } from './ascii.ts';
import type { CipherSuite } from './cipher-suites.ts';
import { Writer } from './codec.ts';
import type { CryptoProvider, HashAlgorithm } from './provider.ts';

const EMPTY = new Uint8Array(0);

/**
 * HKDF-Expand-Label of RFC 8446 §7.1, also the key derivation of QUIC (RFC 9001 §5.1).
 *
 * @param label without the prefix "tls13 ", e.g. "quic key"
 * @param context a transcript hash or nothing
 * @param length in bytes
 */
export function hkdfExpandLabel(
  provider: CryptoProvider,
  hash: HashAlgorithm,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const text = asciiBytes(`tls13 ${label}`);
  const hkdfLabel = new Writer(4 + text.length + context.length).uint16(length).vector8(text).vector8(context).finish();
  return provider.hkdfExpand(hash, secret, hkdfLabel, length);
}

/** What the three phases share: a provider, a suite and one secret that never leaves. */
class Phase {
  protected readonly provider: CryptoProvider;
  protected readonly suite: CipherSuite;
  readonly #secret: Uint8Array;

  constructor(provider: CryptoProvider, suite: CipherSuite, salt: Uint8Array, inputKeyMaterial: Uint8Array) {
    this.provider = provider;
    this.suite = suite;
    this.#secret = provider.hkdfExtract(suite.hash, salt, inputKeyMaterial);
  }

  /** Derive-Secret, with the hash of the messages in place of the messages. */
  protected deriveSecret(label: string, transcriptHash: Uint8Array): Uint8Array {
    const { hash, hashLength } = this.suite;
    return hkdfExpandLabel(this.provider, hash, this.#secret, label, transcriptHash, hashLength);
  }

  /** The salt of the next phase. */
  protected derived(): Uint8Array {
    return this.deriveSecret('derived', this.provider.hash(this.suite.hash, EMPTY));
  }
}

export class EarlySchedule extends Phase {
  /** @param psk of the session that is resumed; without one its place is taken by Hash.length zeros */
  constructor(provider: CryptoProvider, suite: CipherSuite, psk: Uint8Array = new Uint8Array(suite.hashLength)) {
    super(provider, suite, EMPTY, psk);
  }

  /**
   * The binder of a resumption PSK (RFC 8446 §4.2.11.2).
   *
   * @param transcriptHash of everything up to the ClientHello, and of that what stands before its binders
   */
  binder(transcriptHash: Uint8Array): Uint8Array {
    const { hash } = this.suite;
    return verifyData(
      this.provider,
      this.suite,
      this.deriveSecret('res binder', this.provider.hash(hash, EMPTY)),
      transcriptHash,
    );
  }

  /** @param transcriptHash of the ClientHello */
  clientEarlyTrafficSecret(transcriptHash: Uint8Array): Uint8Array {
    return this.deriveSecret('c e traffic', transcriptHash);
  }

  /** @param transcriptHash of the ClientHello */
  earlyExporterSecret(transcriptHash: Uint8Array): Uint8Array {
    return this.deriveSecret('e exp master', transcriptHash);
  }

  /**
   * @param sharedSecret of the (EC)DHE exchange
   * @param transcriptHash of ClientHello...ServerHello
   */
  handshake(sharedSecret: Uint8Array, transcriptHash: Uint8Array): HandshakeSchedule {
    return new HandshakeSchedule(this.provider, this.suite, this.derived(), sharedSecret, transcriptHash);
  }
}

export class HandshakeSchedule extends Phase {
  readonly clientTrafficSecret: Uint8Array;
  readonly serverTrafficSecret: Uint8Array;

  constructor(
    provider: CryptoProvider,
    suite: CipherSuite,
    salt: Uint8Array,
    sharedSecret: Uint8Array,
    transcriptHash: Uint8Array,
  ) {
    super(provider, suite, salt, sharedSecret);
    this.clientTrafficSecret = this.deriveSecret('c hs traffic', transcriptHash);
    this.serverTrafficSecret = this.deriveSecret('s hs traffic', transcriptHash);
  }

  /** @param transcriptHash of everything before the client's Finished */
  clientVerifyData(transcriptHash: Uint8Array): Uint8Array {
    return verifyData(this.provider, this.suite, this.clientTrafficSecret, transcriptHash);
  }

  /** @param transcriptHash of everything before the server's Finished */
  serverVerifyData(transcriptHash: Uint8Array): Uint8Array {
    return verifyData(this.provider, this.suite, this.serverTrafficSecret, transcriptHash);
  }

  /** @param transcriptHash of ClientHello...server Finished */
  master(transcriptHash: Uint8Array): MasterSchedule {
    return new MasterSchedule(this.provider, this.suite, this.derived(), transcriptHash);
  }
}

export class MasterSchedule extends Phase {
  readonly clientTrafficSecret: Uint8Array;
  readonly serverTrafficSecret: Uint8Array;
  readonly #transcriptHash: Uint8Array;

  constructor(provider: CryptoProvider, suite: CipherSuite, salt: Uint8Array, transcriptHash: Uint8Array) {
    super(provider, suite, salt, new Uint8Array(suite.hashLength));
    this.#transcriptHash = transcriptHash;
    this.clientTrafficSecret = this.deriveSecret('c ap traffic', transcriptHash);
    this.serverTrafficSecret = this.deriveSecret('s ap traffic', transcriptHash);
  }

  exporterSecret(): Uint8Array {
    return this.deriveSecret('exp master', this.#transcriptHash);
  }

  /** @param transcriptHash of ClientHello...client Finished */
  resumptionSecret(transcriptHash: Uint8Array): Uint8Array {
    return this.deriveSecret('res master', transcriptHash);
  }
}

/** The MAC of a Finished or a binder (RFC 8446 §4.4.4). */
function verifyData(
  provider: CryptoProvider,
  suite: CipherSuite,
  baseKey: Uint8Array,
  transcriptHash: Uint8Array,
): Uint8Array {
  const finishedKey = hkdfExpandLabel(provider, suite.hash, baseKey, 'finished', EMPTY, suite.hashLength);
  return provider.hmac(suite.hash, finishedKey, transcriptHash);
}

/** The pre-shared key that belongs to a ticket (RFC 8446 §4.6.1). @param nonce the ticket's */
export function resumptionPsk(
  provider: CryptoProvider,
  suite: CipherSuite,
  resumptionSecret: Uint8Array,
  nonce: Uint8Array,
): Uint8Array {
  return hkdfExpandLabel(provider, suite.hash, resumptionSecret, 'resumption', nonce, suite.hashLength);
}

/** TLS-Exporter of RFC 8446 §7.5. @throws RangeError for more than 255 hashes or a label above 249 bytes */
export function exportKeyingMaterial(
  provider: CryptoProvider,
  suite: CipherSuite,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const { hash, hashLength } = suite;
  const secret = hkdfExpandLabel(provider, hash, exporterSecret, label, provider.hash(hash, EMPTY), hashLength);
  return hkdfExpandLabel(provider, hash, secret, 'exporter', provider.hash(hash, context), length);
}
