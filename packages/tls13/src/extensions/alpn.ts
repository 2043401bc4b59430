/**
 * application_layer_protocol_negotiation (RFC 7301 §3.1). QUIC makes it mandatory (RFC 9001 §8.1).
 *
 * Names are bytes on the wire and strings here, one character per byte.
 */
import { asciiBytes, latin1Text } from '../ascii.ts';
import { Reader, Writer } from '../codec.ts';

/** @returns at least one name. */
export function readAlpn(data: Uint8Array): string[] {
  const reader = new Reader(data, 'application_layer_protocol_negotiation');
  const list = new Reader(reader.vector16(2), 'application_layer_protocol_negotiation');
  reader.end();
  const names: string[] = [];
  while (list.remaining > 0) names.push(latin1Text(list.vector8(1)));
  return names;
}

export function writeAlpn(names: readonly string[]): Uint8Array {
  const writer = new Writer();
  writer.vector16(() => {
    for (const name of names) writer.vector8(asciiBytes(name));
  });
  return writer.finish();
}
