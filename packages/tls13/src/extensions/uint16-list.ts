/**
 * Extensions that are one list of 16-bit code points: supported_groups (RFC 8446 §4.2.7), signature_algorithms and
 * signature_algorithms_cert (§4.2.3).
 */
import { Reader, Writer } from '../codec.ts';
import { decodeError } from '../errors.ts';

/** Splits a vector's content into code points. */
export function readUint16s(content: Uint8Array, what: string): number[] {
  if (content.length % 2 !== 0) throw decodeError(`${what} has an odd length of ${content.length}`);
  const reader = new Reader(content, what);
  const values: number[] = [];
  while (reader.remaining > 0) values.push(reader.uint16());
  return values;
}

/** Reads `uint16 list<2..2^16-2>` as the whole content of an extension. */
export function readUint16List(data: Uint8Array, what: string): number[] {
  const reader = new Reader(data, what);
  const content = reader.vector16(2);
  reader.end();
  return readUint16s(content, what);
}

export function writeUint16List(values: readonly number[]): Uint8Array {
  const writer = new Writer();
  writer.vector16(() => {
    for (const value of values) writer.uint16(value);
  });
  return writer.finish();
}
