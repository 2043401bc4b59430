/** supported_versions (RFC 8446 §4.2.1). Only one version is spoken here. */
import { Reader, Writer } from '../codec.ts';
import { readUint16s } from './uint16-list.ts';

export const TLS_1_3 = 0x0304;

/** The value of every legacy_version field (RFC 8446 §4.1.2). */
export const TLS_1_2 = 0x0303;

/** Refused wherever it is named (RFC 8446 §D.5). */
export const SSL_3_0 = 0x0300;

/** In a ClientHello: a list. */
export function readOfferedVersions(data: Uint8Array): number[] {
  const reader = new Reader(data, 'supported_versions');
  const content = reader.vector8(2, 254);
  reader.end();
  return readUint16s(content, 'supported_versions');
}

export function writeOfferedVersions(): Uint8Array {
  return new Writer().vector8((writer) => writer.uint16(TLS_1_3)).finish();
}

/** In a ServerHello or HelloRetryRequest: the one that was chosen. */
export function readSelectedVersion(data: Uint8Array): number {
  const reader = new Reader(data, 'supported_versions');
  const version = reader.uint16();
  reader.end();
  return version;
}

export function writeSelectedVersion(): Uint8Array {
  return new Writer().uint16(TLS_1_3).finish();
}
