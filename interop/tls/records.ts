/** TLSPlaintext and TLSCiphertext as bytes (RFC 8446 §5.1, §5.2). For tests only: see record-layer.ts. */
import { Alert, TlsError } from '@mquictt/tls13';

export const ContentType = { CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22, APPLICATION_DATA: 23 } as const;
export type ContentType = (typeof ContentType)[keyof typeof ContentType];

/** Bytes of content that one record may carry. */
export const MAX_FRAGMENT_LENGTH = 2 ** 14;
/** What protection may add: tag, inner type and padding. */
export const MAX_EXPANSION = 256;
export const RECORD_HEADER_LENGTH = 5;

/** What a record carries, once it has been opened. The type is a peer's, so it may be any byte. */
export interface Content {
  readonly type: number;
  readonly data: Uint8Array;
}

/** One record as it came. */
export interface RawRecord {
  readonly type: number;
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

export function recordHeader(type: number, length: number): Uint8Array {
  return Uint8Array.of(type, 3, 3, length >> 8, length & 0xff);
}

/** A whole record. */
export function joinRecord(header: Uint8Array, body: Uint8Array): Uint8Array {
  const record = new Uint8Array(header.length + body.length);
  record.set(header);
  record.set(body, header.length);
  return record;
}

/** Cuts a stream of bytes into records. Who takes all that there are after each push leaves no more than one incomplete record here. */
export class RecordSplitter {
  #received: Uint8Array = new Uint8Array(0);

  /** @param data copied, where it is kept */
  push(data: Uint8Array): void {
    const joined = new Uint8Array(this.#received.length + data.length);
    joined.set(this.#received);
    joined.set(data, this.#received.length);
    this.#received = joined;
  }

  /**
   * @returns undefined until there is a whole one
   * @throws TlsError record_overflow as soon as the header announces too much; unexpected_message for a type that no record has
   */
  next(): RawRecord | undefined {
    const data = this.#received;
    if (data.length < RECORD_HEADER_LENGTH) return undefined;
    const type = data[0] as number;
    if (type < ContentType.CHANGE_CIPHER_SPEC || type > ContentType.APPLICATION_DATA)
      throw new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.UNEXPECTED_MESSAGE, `A record of unknown type ${type}`);
    const length = ((data[3] as number) << 8) | (data[4] as number);
    const limit = MAX_FRAGMENT_LENGTH + (type === ContentType.APPLICATION_DATA ? MAX_EXPANSION : 0);
    if (length > limit)
      throw new TlsError(
        'ERR_TLS_PEER_MISBEHAVED',
        Alert.RECORD_OVERFLOW,
        `A record of ${length} bytes, expected up to ${limit}`,
      );
    const end = RECORD_HEADER_LENGTH + length;
    if (data.length < end) return undefined;
    this.#received = data.subarray(end);
    return { type, header: data.subarray(0, RECORD_HEADER_LENGTH), body: data.subarray(RECORD_HEADER_LENGTH, end) };
  }
}
