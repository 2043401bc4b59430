/**
 * Extension blocks (RFC 8446 §4.2): one table of what may appear where, and the reading and writing of blocks under it.
 * The contents of single extensions are in extensions/.
 *
 * Left out: every extension that no one here sends or understands. Those are ignored in requests and refused in answers.
 */
import { Alert } from './alerts.ts';
import { Reader, type Writer } from './codec.ts';
import { TlsError, illegalParameter } from './errors.ts';

/** ExtensionType code points (RFC 8446 §4.2). */
export const ExtensionType = {
  SERVER_NAME: 0,
  MAX_FRAGMENT_LENGTH: 1,
  STATUS_REQUEST: 5,
  SUPPORTED_GROUPS: 10,
  SIGNATURE_ALGORITHMS: 13,
  USE_SRTP: 14,
  HEARTBEAT: 15,
  APPLICATION_LAYER_PROTOCOL_NEGOTIATION: 16,
  SIGNED_CERTIFICATE_TIMESTAMP: 18,
  CLIENT_CERTIFICATE_TYPE: 19,
  SERVER_CERTIFICATE_TYPE: 20,
  PADDING: 21,
  COMPRESS_CERTIFICATE: 27,
  PRE_SHARED_KEY: 41,
  EARLY_DATA: 42,
  SUPPORTED_VERSIONS: 43,
  COOKIE: 44,
  PSK_KEY_EXCHANGE_MODES: 45,
  CERTIFICATE_AUTHORITIES: 47,
  OID_FILTERS: 48,
  POST_HANDSHAKE_AUTH: 49,
  SIGNATURE_ALGORITHMS_CERT: 50,
  KEY_SHARE: 51,
  QUIC_TRANSPORT_PARAMETERS: 57,
} as const;
export type ExtensionType = (typeof ExtensionType)[keyof typeof ExtensionType];

/** The places an extension block can stand in, as RFC 8446 §4.2 abbreviates them. */
export type ExtensionPlace = 'CH' | 'SH' | 'HRR' | 'EE' | 'CT' | 'CR' | 'NST';

// RFC 8446 §4.2: the table of extensions and the messages in which they may appear.
const PLACES: ReadonlyMap<number, readonly ExtensionPlace[]> = new Map<number, readonly ExtensionPlace[]>([
  [ExtensionType.SERVER_NAME, ['CH', 'EE']],
  [ExtensionType.MAX_FRAGMENT_LENGTH, ['CH', 'EE']],
  [ExtensionType.STATUS_REQUEST, ['CH', 'CR', 'CT']],
  [ExtensionType.SUPPORTED_GROUPS, ['CH', 'EE']],
  [ExtensionType.SIGNATURE_ALGORITHMS, ['CH', 'CR']],
  [ExtensionType.USE_SRTP, ['CH', 'EE']],
  [ExtensionType.HEARTBEAT, ['CH', 'EE']],
  [ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION, ['CH', 'EE']],
  [ExtensionType.SIGNED_CERTIFICATE_TIMESTAMP, ['CH', 'CR', 'CT']],
  [ExtensionType.CLIENT_CERTIFICATE_TYPE, ['CH', 'EE']],
  [ExtensionType.SERVER_CERTIFICATE_TYPE, ['CH', 'EE']],
  [ExtensionType.PADDING, ['CH']],
  // RFC 8879 §3
  [ExtensionType.COMPRESS_CERTIFICATE, ['CH', 'CR']],
  [ExtensionType.PRE_SHARED_KEY, ['CH', 'SH']],
  [ExtensionType.EARLY_DATA, ['CH', 'EE', 'NST']],
  [ExtensionType.SUPPORTED_VERSIONS, ['CH', 'SH', 'HRR']],
  [ExtensionType.COOKIE, ['CH', 'HRR']],
  [ExtensionType.PSK_KEY_EXCHANGE_MODES, ['CH']],
  [ExtensionType.CERTIFICATE_AUTHORITIES, ['CH', 'CR']],
  [ExtensionType.OID_FILTERS, ['CR']],
  [ExtensionType.POST_HANDSHAKE_AUTH, ['CH']],
  [ExtensionType.SIGNATURE_ALGORITHMS_CERT, ['CH', 'CR']],
  [ExtensionType.KEY_SHARE, ['CH', 'SH', 'HRR']],
  // RFC 9001 §8.2. Its content is the carrier's.
  [ExtensionType.QUIC_TRANSPORT_PARAMETERS, ['CH', 'EE']],
]);

/** Extensions by type, in the order of the wire. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

export function extensionName(type: number): string {
  for (const [name, value] of Object.entries(ExtensionType)) if (value === type) return name.toLowerCase();
  return `extension ${type}`;
}

/** Reads `Extension extensions<0..2^16-1>`. The contents are views of the reader's data. */
export function readExtensions(reader: Reader, place: ExtensionPlace): Extensions {
  const block = new Reader(reader.vector16(), 'extension block');
  const extensions = new Map<number, Uint8Array>();
  while (block.remaining > 0) {
    const type = block.uint16();
    const data = block.vector16();
    // RFC 8446 §4.2: "There MUST NOT be more than one extension of the same type in a given extension block."
    if (extensions.has(type)) throw illegalParameter(`${extensionName(type)} stands twice in one message`);
    const places = PLACES.get(type);
    // RFC 8446 §4.2: an extension that is recognised but not specified for the message is an illegal_parameter.
    if (places !== undefined && !places.includes(place)) {
      throw illegalParameter(`${extensionName(type)} is not allowed in ${place}`);
    }
    // RFC 8446 §4.2.11: what the binders sign ends where they begin, so pre_shared_key is the last extension.
    if (extensions.has(ExtensionType.PRE_SHARED_KEY) && place === 'CH') {
      throw illegalParameter('pre_shared_key is not the last extension');
    }
    extensions.set(type, data);
  }
  return extensions;
}

/**
 * RFC 8446 §4.2: an answer may carry only what was asked for.
 *
 * @param requested types of the extensions in the message that is being answered
 * @throws TlsError unsupported_extension
 */
export function refuseUnsolicited(extensions: Extensions, requested: ReadonlySet<number>): void {
  for (const type of extensions.keys()) {
    if (requested.has(type)) continue;
    throw new TlsError(
      'ERR_TLS_PEER_MISBEHAVED',
      Alert.UNSUPPORTED_EXTENSION,
      `${extensionName(type)} answers an extension that was not sent`,
    );
  }
}

/** @throws TlsError missing_extension (RFC 8446 §9.2) */
export function requireExtension(extensions: Extensions, type: number): Uint8Array {
  const data = extensions.get(type);
  if (data === undefined) {
    throw new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.MISSING_EXTENSION, `${extensionName(type)} is missing`);
  }
  return data;
}

export function writeExtensions(writer: Writer, extensions: Extensions): void {
  writer.vector16((block) => {
    for (const [type, data] of extensions) block.uint16(type).vector16(data);
  });
}
