/** Record protection (RFC 8446 §5.2, §5.3). For tests only: see record-layer.ts. */
import { Alert, TlsError, hkdfExpandLabel, type Aead, type CipherSuite, type CryptoProvider } from '@mquictt/tls13';
import { ContentType, MAX_FRAGMENT_LENGTH, joinRecord, recordHeader, type Content } from './records.ts';

const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const EMPTY = new Uint8Array(0);

/** The keys of one direction of one level, with the number of the next record. */
export class RecordKeys {
  readonly #aead: Aead;
  readonly #iv: Uint8Array;
  #sequence = 0;

  constructor(provider: CryptoProvider, suite: CipherSuite, secret: Uint8Array) {
    const expand = (label: string, length: number): Uint8Array =>
      hkdfExpandLabel(provider, suite.hash, secret, label, EMPTY, length);
    this.#aead = provider.aead(suite.aead, expand('key', suite.keyLength));
    this.#iv = expand('iv', NONCE_LENGTH);
  }

  /**
   * @param content up to 2^14 bytes
   * @param padding zeros behind it
   * @returns a whole TLSCiphertext
   */
  seal(type: ContentType, content: Uint8Array, padding = 0): Uint8Array {
    const inner = new Uint8Array(content.length + 1 + padding);
    inner.set(content);
    inner[content.length] = type;
    const header = recordHeader(ContentType.APPLICATION_DATA, inner.length + TAG_LENGTH);
    const body = this.#aead.seal(this.#nonce(), header, inner);
    this.#sequence++;
    return joinRecord(header, body);
  }

  /**
   * @returns undefined where the record is not of these keys; its number is not used up then
   * @throws TlsError record_overflow or unexpected_message for what is inside
   */
  open(header: Uint8Array, body: Uint8Array): Content | undefined {
    const inner = this.#aead.open(this.#nonce(), header, body);
    if (inner === undefined) return undefined;
    this.#sequence++;
    // RFC 8446 §5.4: the limit is that of the whole TLSInnerPlaintext, padding included.
    if (inner.length > MAX_FRAGMENT_LENGTH + 1)
      throw new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.RECORD_OVERFLOW, `${inner.length} bytes inside a record`);
    let end = inner.length;
    while (end > 0 && inner[end - 1] === 0) end--;
    if (end === 0)
      throw new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.UNEXPECTED_MESSAGE, 'A record holds nothing but padding');
    return { type: inner[end - 1] as number, data: inner.subarray(0, end - 1) };
  }

  #nonce(): Uint8Array {
    const nonce = this.#iv.slice();
    const view = new DataView(nonce.buffer);
    view.setUint32(4, view.getUint32(4) ^ Math.floor(this.#sequence / 0x1_0000_0000));
    view.setUint32(8, view.getUint32(8) ^ (this.#sequence >>> 0));
    return nonce;
  }
}
