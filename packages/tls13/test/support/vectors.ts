/** The Wycheproof files of test-vectors/. */
import { fromHex, readVectors } from './bytes.ts';

export interface WycheproofTest {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly [field: string]: unknown;
}

export interface WycheproofGroup {
  readonly tests: readonly WycheproofTest[];
  readonly [field: string]: unknown;
}

/** @param name without path and `_test.json` */
export function wycheproof(name: string): readonly WycheproofGroup[] {
  return readVectors<{ groups: WycheproofGroup[] }>(`wycheproof/${name}_test.json`).groups;
}

/** @throws when the field is no hexadecimal text */
export function bytesOf(from: Readonly<Record<string, unknown>>, field: string): Uint8Array {
  const value = from[field];
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(value)) throw new Error(`${field} is not hexadecimal`);
  return fromHex(value);
}
