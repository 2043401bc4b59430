/**
 * Everything that differs between QUIC versions, one row each: salts and labels of packet protection (RFC 9001 §5), the key of the Retry
 * integrity tag (RFC 9001 §5.8), the type bits of long headers (RFC 9000 §17.2) and the codepoint of the TLS extension (RFC 9001 §8.2).
 *
 * Only version 1 is here. Version 2 (RFC 9369) differs in exactly these columns and would be one more row.
 */
import { fromHex } from './bytes.ts';
import { PacketType } from './packet-type.ts';

export interface QuicVersion {
  /** As on the wire. */
  readonly version: number;
  /** Salt of the Initial secrets, 20 bytes. */
  readonly initialSalt: Uint8Array;
  /** HKDF labels without the `tls13 ` prefix. */
  readonly labels: { readonly key: string; readonly iv: string; readonly hp: string; readonly ku: string };
  /** Key and nonce of the Retry integrity tag, AES-128-GCM. */
  readonly retryKey: Uint8Array;
  readonly retryNonce: Uint8Array;
  /** The two type bits of a long header, indexed by PacketType (INITIAL, ZERO_RTT, HANDSHAKE, RETRY). */
  readonly longTypeBits: readonly number[];
  /** The inverse: PacketType, indexed by the two type bits. */
  readonly longTypes: readonly PacketType[];
  /** Codepoint of the quic_transport_parameters extension. */
  readonly transportParametersExtension: number;
}

/** RFC 9000 and RFC 9001. */
export const VERSION_1: QuicVersion = {
  version: 0x0000_0001,
  // RFC 9001 §5.2
  initialSalt: fromHex('38762cf7f55934b34d179ae6a4c80cadccbb7f0a'),
  labels: { key: 'quic key', iv: 'quic iv', hp: 'quic hp', ku: 'quic ku' },
  // RFC 9001 §5.8
  retryKey: fromHex('be0c690b9f66575a1d766b54e368c84e'),
  retryNonce: fromHex('461599d35d632bf2239825bb'),
  // RFC 9000 §17.2, table 5
  longTypeBits: [0, 1, 2, 3],
  longTypes: [PacketType.INITIAL, PacketType.ZERO_RTT, PacketType.HANDSHAKE, PacketType.RETRY],
  transportParametersExtension: 0x39,
};

/** The versions we speak, best first. */
export const VERSIONS: readonly QuicVersion[] = [VERSION_1];

/** @returns the row of a version on the wire, undefined when we do not speak it. */
export function findVersion(version: number): QuicVersion | undefined {
  for (const row of VERSIONS) if (row.version === version) return row;
  return undefined;
}
