/** Reading test-vectors/ and moving between hex and bytes. */
import { readFileSync } from 'node:fs';

/** @param name a path below test-vectors/ */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../../test-vectors/${name}`, import.meta.url), 'utf8')) as T;
}

/** @param text hex; everything else (spaces, for reading) is left out */
export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/[^0-9a-f]/giu, ''), 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
