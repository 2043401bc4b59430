/** pre_shared_key in its two forms, and psk_key_exchange_modes (RFC 8446 §4.2.9, §4.2.11). */
import { Reader, Writer } from '../codec.ts';
import { illegalParameter } from '../errors.ts';

/** PskKeyExchangeMode: the pre-shared key with (EC)DHE. Without it there would be no forward secrecy, and we do not do it. */
export const PSK_DHE_KE = 1;

export interface PskIdentity {
  readonly identity: Uint8Array;
  readonly obfuscatedTicketAge: number;
}

/** What a client offers. */
export interface OfferedPsks {
  readonly identities: readonly PskIdentity[];
  readonly binders: readonly Uint8Array[];
  /** Bytes at the end of the ClientHello that the binders do not cover: themselves with their lengths. */
  readonly bindersLength: number;
}

export function readOfferedPsks(data: Uint8Array): OfferedPsks {
  const reader = new Reader(data, 'pre_shared_key');
  const identityList = new Reader(reader.vector16(7), 'pre_shared_key');
  const bindersLength = reader.remaining;
  const binderList = new Reader(reader.vector16(33), 'pre_shared_key');
  reader.end();
  const identities: PskIdentity[] = [];
  while (identityList.remaining > 0)
    identities.push({ identity: identityList.vector16(1), obfuscatedTicketAge: identityList.uint32() });
  const binders: Uint8Array[] = [];
  while (binderList.remaining > 0) binders.push(binderList.vector8(32));
  // RFC 8446 §4.2.11: a binder for each identity.
  if (identities.length !== binders.length)
    throw illegalParameter(`pre_shared_key has ${identities.length} identities and ${binders.length} binders`);
  return { identities, binders, bindersLength };
}

/** One offer with zeros for its binder, which is computed over what comes before it. */
export function writeOfferedPsk({ identity, obfuscatedTicketAge }: PskIdentity, binderLength: number): Uint8Array {
  const writer = new Writer();
  writer.vector16(() => writer.vector16(identity).uint32(obfuscatedTicketAge));
  writer.vector16(() => writer.vector8(new Uint8Array(binderLength)));
  return writer.finish();
}

/** Bytes that one binder takes at the end of a ClientHello. */
export function binderListLength(binderLength: number): number {
  return 2 + 1 + binderLength;
}

/** ServerHello: which identity, counted from 0. */
export function readSelectedIdentity(data: Uint8Array): number {
  const reader = new Reader(data, 'pre_shared_key');
  const selectedIdentity = reader.uint16();
  reader.end();
  return selectedIdentity;
}

export function writeSelectedIdentity(selectedIdentity: number): Uint8Array {
  return new Writer().uint16(selectedIdentity).finish();
}

export function readPskKeyExchangeModes(data: Uint8Array): number[] {
  const reader = new Reader(data, 'psk_key_exchange_modes');
  const modes = [...reader.vector8(1)];
  reader.end();
  return modes;
}

export function writePskKeyExchangeModes(): Uint8Array {
  return new Writer().vector8((modes) => modes.uint8(PSK_DHE_KE)).finish();
}
