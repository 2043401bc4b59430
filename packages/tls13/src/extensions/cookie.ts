/** cookie (RFC 8446 §4.2.2): set by a HelloRetryRequest, returned by the second ClientHello. */
import { Reader, Writer } from '../codec.ts';
import { illegalParameter } from '../errors.ts';
import { MAX_COOKIE_LENGTH } from '../limits.ts';

export function readCookie(data: Uint8Array): Uint8Array {
  const reader = new Reader(data, 'cookie');
  const cookie = reader.vector16(1);
  reader.end();
  if (cookie.length > MAX_COOKIE_LENGTH)
    throw illegalParameter(`cookie has ${cookie.length} bytes, expected ${MAX_COOKIE_LENGTH} at most`);
  return cookie;
}

export function writeCookie(cookie: Uint8Array): Uint8Array {
  return new Writer().vector16(cookie).finish();
}
