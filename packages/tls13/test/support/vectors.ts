/** The Wycheproof files of test-vectors/. */
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
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

/**
 * Makes a test of every case of a Wycheproof file.
 *
 * @param judge whether the provider takes the case for good
 * @param isAcceptableGood whether it should, of those that are acceptable
 */
export function vectorTests(
  test: Test,
  name: string,
  judge: (vector: WycheproofTest, group: WycheproofGroup) => boolean,
  isAcceptableGood: (vector: WycheproofTest) => boolean = () => false,
): void {
  test(`Wycheproof ${name}`, () => {
    const wrong: string[] = [];
    let count = 0;
    for (const group of wycheproof(name)) {
      for (const vector of group.tests) {
        count++;
        const expected = vector.result === 'acceptable' ? isAcceptableGood(vector) : vector.result === 'valid';
        if (judge(vector, group) !== expected) wrong.push(`${vector.tcId} (${vector.result}): ${vector.comment}`);
      }
    }
    assert.ok(count > 50, `only ${count} tests were read`);
    assert.equal(wrong, []);
  });
}
