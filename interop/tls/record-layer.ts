/**
 * A thin record layer of TLS 1.3 (RFC 8446 §5), FOR TESTS ONLY: it lets implementations that speak TLS over TCP meet the handshake of
 * @mquictt/tls13. No part of mquictt uses it, and nothing else should: it copies where a real one would not, has no limits on the use of a key
 * (§5.5), and leaves KeyUpdate to the handshake, which refuses it, as QUIC wants (RFC 9001 §6).
 *
 * Sans-IO. Bytes of the peer go in through `push`, come out of `next` by kind and level; what is to be sent is made by `write`.
 */
import { Alert, EncryptionLevel, TlsError, type CipherSuite, type CryptoProvider } from '@mquictt/tls13';
import { RecordKeys } from './record-keys.ts';
import {
  ContentType,
  MAX_EXPANSION,
  MAX_FRAGMENT_LENGTH,
  RECORD_HEADER_LENGTH,
  RecordSplitter,
  joinRecord,
  recordHeader,
  type Content,
  type RawRecord,
} from './records.ts';

const HANDSHAKE_TYPE_END_OF_EARLY_DATA = 5;

/** What came in one record. */
export type Incoming =
  | { readonly type: 'handshake'; readonly level: EncryptionLevel; readonly data: Uint8Array }
  | { readonly type: 'application-data'; readonly level: EncryptionLevel; readonly data: Uint8Array }
  | { readonly type: 'alert'; readonly description: number };

interface ReadKeys {
  readonly level: EncryptionLevel;
  readonly keys: RecordKeys;
}

export class RecordLayer {
  readonly #provider: CryptoProvider;
  readonly #splitter = new RecordSplitter();
  readonly #writeKeys = new Map<EncryptionLevel, RecordKeys>();
  #reading: ReadKeys | undefined;
  /** Keys that come into use with EndOfEarlyData. */
  #waiting: ReadKeys | undefined;
  #isEarlyDataOver = false;
  #skippable = 0;

  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /** The level of what comes next. */
  get readLevel(): EncryptionLevel {
    return this.#reading?.level ?? EncryptionLevel.INITIAL;
  }

  setReadSecret(level: EncryptionLevel, suite: CipherSuite, secret: Uint8Array): void {
    const reading = { level, keys: new RecordKeys(this.#provider, suite, secret) };
    // RFC 8446 §4.5: until EndOfEarlyData a client writes with its early keys.
    if (this.readLevel === EncryptionLevel.EARLY && !this.#isEarlyDataOver) this.#waiting = reading;
    else this.#reading = reading;
  }

  setWriteSecret(level: EncryptionLevel, suite: CipherSuite, secret: Uint8Array): void {
    this.#writeKeys.set(level, new RecordKeys(this.#provider, suite, secret));
  }

  /**
   * Passes over early data that has been refused (RFC 8446 §4.2.10): records that the keys in use do not open, up to the first that they do.
   *
   * @param limit bytes of records, headers included
   */
  skipEarlyData(limit: number): void {
    this.#skippable = limit;
  }

  push(data: Uint8Array): void {
    this.#splitter.push(data);
  }

  /** @returns undefined until more has been pushed. @throws TlsError with the alert to send */
  next(): Incoming | undefined {
    for (let record = this.#splitter.next(); record !== undefined; record = this.#splitter.next()) {
      if (record.type === ContentType.CHANGE_CIPHER_SPEC) this.#checkChangeCipherSpec(record.body);
      else {
        const content = this.#open(record);
        if (content !== undefined) return this.#classify(content, record.type);
      }
    }
    return undefined;
  }

  /**
   * @param level whose keys protect it; INITIAL for none
   * @returns as many records as it takes
   */
  write(type: ContentType, level: EncryptionLevel, data: Uint8Array): Uint8Array[] {
    const keys = this.#writeKeys.get(level);
    if (keys === undefined && level !== EncryptionLevel.INITIAL) throw new Error(`There are no keys of level ${level}`);
    const records: Uint8Array[] = [];
    for (let offset = 0; offset < data.length; offset += MAX_FRAGMENT_LENGTH) {
      const fragment = data.subarray(offset, offset + MAX_FRAGMENT_LENGTH);
      records.push(keys?.seal(type, fragment) ?? joinRecord(recordHeader(type, fragment.length), fragment));
    }
    return records;
  }

  /** RFC 8446 §5: one byte of 1, and only before the end of the handshake. */
  #checkChangeCipherSpec(body: Uint8Array): void {
    if (body.length !== 1 || body[0] !== 1 || this.readLevel === EncryptionLevel.APPLICATION)
      throw unexpected('A change_cipher_spec record that is none of compatibility mode');
  }

  /** @returns undefined for early data that is passed over */
  #open({ type, header, body }: RawRecord): Content | undefined {
    if (type === ContentType.APPLICATION_DATA) {
      const content = this.#reading?.keys.open(header, body);
      if (content === undefined) return this.#skip(body);
      this.#skippable = 0;
      return content;
    }
    // A peer that could not read our keys sends its alert without any.
    if (this.#reading === undefined || (type === ContentType.ALERT && this.readLevel === EncryptionLevel.HANDSHAKE))
      return { type, data: body };
    throw unexpected('A record without protection where there has to be one');
  }

  #skip(body: Uint8Array): undefined {
    const size = RECORD_HEADER_LENGTH + body.length;
    if (this.#skippable >= size) {
      this.#skippable -= size;
      return undefined;
    }
    if (this.#reading === undefined) throw unexpected('A protected record before there are keys');
    throw new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.BAD_RECORD_MAC, 'A record that the keys do not open');
  }

  #classify({ type, data }: Content, outerType: number): Incoming {
    const level = this.readLevel;
    switch (type) {
      case ContentType.HANDSHAKE:
        // RFC 8446 §5.1, §5.4: only application data may be empty.
        if (data.length === 0) throw unexpected('An empty handshake record');
        if (level === EncryptionLevel.EARLY && data[0] === HANDSHAKE_TYPE_END_OF_EARLY_DATA) this.#endEarlyData();
        return { type: 'handshake', level, data };
      case ContentType.ALERT:
        if (data.length !== 2)
          throw new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.DECODE_ERROR, 'An alert has two bytes');
        return { type: 'alert', description: data[1] as number };
      case ContentType.APPLICATION_DATA:
        if (level === EncryptionLevel.APPLICATION || level === EncryptionLevel.EARLY)
          return { type: 'application-data', level, data };
        throw unexpected('Application data during the handshake');
      default:
        throw unexpected(`Content of type ${type} in a record of type ${outerType}`);
    }
  }

  #endEarlyData(): void {
    this.#isEarlyDataOver = true;
    this.#reading = this.#waiting ?? this.#reading;
    this.#waiting = undefined;
  }
}

/** Bytes of protected records that a server passes over when it refuses `maxEarlyDataSize` bytes of early data. */
export function skippedBytes(maxEarlyDataSize: number): number {
  // A client may spread them over many small records.
  return maxEarlyDataSize + 64 * MAX_EXPANSION;
}

function unexpected(message: string): TlsError {
  return new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.UNEXPECTED_MESSAGE, message);
}
