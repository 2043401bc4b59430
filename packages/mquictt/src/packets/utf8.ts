/** UTF-8 strings as MQTT wants them (MQTT 5 §1.5.4): well formed, no surrogates, no U+0000, a byte order mark is text like any other. */
import { PacketError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // [MQTT-1.5.4-3]
const encoder = new TextEncoder();

/** @throws PacketError MALFORMED_PACKET */
export function readUtf8(buffer: Uint8Array, start: number, end: number): string {
  let text;
  try {
    text = decoder.decode(buffer.subarray(start, end)); // [MQTT-1.5.4-1]
  } catch {
    throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A string is not well-formed UTF-8');
  }
  if (text.includes('\0')) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A string contains U+0000'); // [MQTT-1.5.4-2]
  return text;
}

/**
 * Says what keeps a text of ours from being an MQTT string, or returns undefined.
 *
 * @param maxLength UTF-8 bytes
 */
export function utf8Problem(text: string, maxLength = 65_535): string | undefined {
  // JavaScript lets anything through.
  if (typeof text !== 'string') return 'is no text';
  if (/\p{Surrogate}/u.test(text)) return 'contains half of a surrogate pair';
  if (text.includes('\0')) return 'contains U+0000';
  // A UTF-16 unit becomes at most three bytes.
  if (text.length * 3 > maxLength) {
    const length = encoder.encode(text).length;
    if (length > maxLength) return `is ${length} bytes long, more than ${maxLength}`;
  }
  return undefined;
}

/** @param text checked with utf8Problem() where it comes from outside */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @returns the text of a payload; what is not UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return lenientDecoder.decode(bytes);
}

const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
