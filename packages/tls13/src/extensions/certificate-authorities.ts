/** certificate_authorities (RFC 8446 §4.2.4): names of authorities, as DER. */
import { Reader, Writer } from '../codec.ts';

export function readCertificateAuthorities(data: Uint8Array): Uint8Array[] {
  const reader = new Reader(data, 'certificate_authorities');
  const list = new Reader(reader.vector16(3), 'certificate_authorities');
  reader.end();
  const names: Uint8Array[] = [];
  while (list.remaining > 0) names.push(list.vector16(1));
  return names;
}

export function writeCertificateAuthorities(names: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  writer.vector16(() => {
    for (const name of names) writer.vector16(name);
  });
  return writer.finish();
}
