/**
 * pre_shared_key and psk_key_exchange_modes of a ClientHello (RFC 8446 §4.2.9, §4.2.11): checked for form, as sessions
 * are not resumed yet and no identity can match.
 */
import { Reader } from '../codec.ts';
import { illegalParameter } from '../errors.ts';

export function checkOfferedPsks(data: Uint8Array): void {
  const reader = new Reader(data, 'pre_shared_key');
  const identities = new Reader(reader.vector16(7), 'pre_shared_key');
  const binders = new Reader(reader.vector16(33), 'pre_shared_key');
  reader.end();
  let identityCount = 0;
  for (; identities.remaining > 0; identityCount++) {
    identities.vector16(1);
    identities.uint32();
  }
  let binderCount = 0;
  for (; binders.remaining > 0; binderCount++) binders.vector8(32);
  if (identityCount !== binderCount)
    throw illegalParameter(`pre_shared_key has ${identityCount} identities and ${binderCount} binders`);
}

export function checkPskKeyExchangeModes(data: Uint8Array): void {
  const reader = new Reader(data, 'psk_key_exchange_modes');
  reader.vector8(1);
  reader.end();
}
