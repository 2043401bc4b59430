/** compress_certificate (RFC 8879 §3): the algorithms a peer can undo. */
import { Reader, Writer } from '../codec.ts';
import { readUint16s } from './uint16-list.ts';

export function readCompressionAlgorithms(data: Uint8Array): number[] {
  const reader = new Reader(data, 'compress_certificate');
  const content = reader.vector8(2, 254);
  reader.end();
  return readUint16s(content, 'compress_certificate');
}

export function writeCompressionAlgorithms(algorithms: readonly number[]): Uint8Array {
  return new Writer()
    .vector8((writer) => {
      for (const algorithm of algorithms) writer.uint16(algorithm);
    })
    .finish();
}
