/** How long a wrong password takes must not say whether its name exists, also while a file has hashes of several costs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PasswordFile } from '../../src/access/password-file.ts';
import { PasswordHash } from '../../src/access/password-hash.ts';
import type { ScryptCost } from '../../src/access/password-hash.ts';
import { utf8 } from '../support/hex.ts';

const test = suite('time of passwords');

const CHEAP: ScryptCost = { ln: 10, r: 8, p: 1 };
const COSTLY: ScryptCost = { ln: 13, r: 8, p: 4 };

/** Work on all threads, in µs: unlike time, others on the machine do not add to it. */
async function workOf(file: PasswordFile, name: string): Promise<number> {
  const before = process.cpuUsage();
  assert.is(await file.verify(name, utf8('wrong')), 'wrong');
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Nobody's password is right here. */
function fileOf(costs: readonly ScryptCost[]): string {
  const line = (cost: ScryptCost, index: number): string =>
    `user${index}:${new PasswordHash(cost, new Uint8Array(16).fill(index), new Uint8Array(32).fill(index)).toString()}`;
  return costs.map(line).join('\n');
}

for (const [what, costs] of [
  ['old hashes in front', [CHEAP, COSTLY]],
  ['new hashes in front', [COSTLY, CHEAP]],
] as const) {
  test(`with ${what}, names that are not there cost what those that are there cost, each always the same`, async () => {
    const text = fileOf(costs);
    const file = PasswordFile.parse(text);
    await workOf(file, 'user0');
    const known = [await workOf(file, 'user0'), await workOf(file, 'user1')];
    const border = Math.sqrt(known[0] * known[1]);
    const names = Array.from({ length: 12 }, (_, index) => `nobody${index}`);
    const isCostly = async (of: PasswordFile): Promise<boolean[]> => {
      const answers: boolean[] = [];
      for (const name of names) answers.push((await workOf(of, name)) > border);
      return answers;
    };
    const first = await isCostly(file);
    assert.ok(first.includes(true), 'some cost as much as the costly one');
    assert.ok(first.includes(false), 'some cost as little as the cheap one');
    // Whoever reads the file again, or starts again, must not show by a change who is not there.
    assert.equal(await isCostly(PasswordFile.parse(text)), first);
  });
}

test.run();
