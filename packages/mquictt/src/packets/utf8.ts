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
    throw malformed();
  }
  if (text.includes('\0')) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A string contains U+0000'); // [MQTT-1.5.4-2]
  return text;
}

/**
 * Checks a string without making a text of it: what a broker only passes on is never looked at again.
 *
 * @throws PacketError MALFORMED_PACKET
 */
export function checkUtf8(buffer: Uint8Array, start: number, end: number): void {
  let i = start;
  while (i < end) {
    const first = buffer[i++];
    if (first === 0) throw new PacketError(ReasonCode.MALFORMED_PACKET, 'A string contains U+0000'); // [MQTT-1.5.4-2]
    if (first < 0x80) continue;
    // RFC 3629 §4: how many bytes follow, and what the first of them may be. This leaves out overlong forms, surrogates and what is beyond U+10FFFF.
    let following = 1;
    let low = 0x80;
    let high = 0xbf;
    if (first < 0xc2) throw malformed();
    if (first >= 0xf0) {
      if (first > 0xf4) throw malformed();
      following = 3;
      if (first === 0xf0) low = 0x90;
      else if (first === 0xf4) high = 0x8f;
    } else if (first >= 0xe0) {
      following = 2;
      if (first === 0xe0) low = 0xa0;
      else if (first === 0xed) high = 0x9f; // [MQTT-1.5.4-1]
    }
    if (i + following > end || buffer[i] < low || buffer[i] > high) throw malformed();
    for (let k = 1; k < following; k++) if ((buffer[i + k] & 0xc0) !== 0x80) throw malformed();
    i += following;
  }
}

function malformed(): PacketError {
  return new PacketError(ReasonCode.MALFORMED_PACKET, 'A string is not well-formed UTF-8');
}

/**
 * Says what keeps a text of ours from being an MQTT string, or returns undefined.
 *
 * @param maxLength UTF-8 bytes
 */
export function utf8Problem(text: string, maxLength = 65_535): string | undefined {
  // JavaScript lets anything through.
  if (typeof text !== 'string') return 'is no text';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0) return 'contains U+0000';
    if ((unit & 0xf800) !== 0xd800) continue;
    // A high half has to be followed by a low one.
    const isPair = unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    if (!isPair) return 'contains half of a surrogate pair';
    i++;
  }
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
