import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PasswordFile, nameProblem, withPassword } from '../../src/access/password-file.ts';
import { PasswordHash } from '../../src/access/password-hash.ts';
import { WorkGate } from '../../src/access/work-gate.ts';
import { utf8 } from '../support/hex.ts';

const test = suite('password files');

/** What tests can wait for. */
const CHEAP = { ln: 10, r: 1, p: 1 };

async function fileOf(users: Readonly<Record<string, string>>): Promise<string> {
  let text = '# names\n\n';
  for (const [name, password] of Object.entries(users)) text = await withPassword(text, name, utf8(password), CHEAP);
  return text;
}

function refusal(text: string): string {
  try {
    PasswordFile.parse(text, 'users');
  } catch (error) {
    assert.is((error as { code?: string }).code, 'ERR_MQTT_ACCESS');
    return (error as Error).message;
  }
  throw new Error('The file was taken');
}

test('a hash of RFC 7914 §12 is computed as it says', async () => {
  // P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1, 64 bytes.
  const key =
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887';
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  const line = `u:$scrypt$ln=14,r=8,p=1$${base64(utf8('SodiumChloride'))}$${base64(Buffer.from(key, 'hex'))}\n`;
  const file = PasswordFile.parse(line);
  assert.is(await file.verify('u', utf8('pleaseletmein')), 'right');
  assert.is(await file.verify('u', utf8('pleaseletmeIn')), 'wrong');
});

test('right and wrong passwords, names that are not there, passwords of others', async () => {
  const file = PasswordFile.parse(await fileOf({ ann: 'secret', böb: 'other', 'a b': '' }));
  assert.is(file.size, 3);
  assert.is(await file.verify('ann', utf8('secret')), 'right');
  assert.is(await file.verify('ann', utf8('secret')), 'right', 'from memory');
  assert.is(await file.verify('ann', utf8('other')), 'wrong');
  assert.is(await file.verify('böb', utf8('other')), 'right');
  assert.is(await file.verify('böb', utf8('secret')), 'wrong');
  assert.is(await file.verify('a b', utf8('')), 'right');
  assert.is(await file.verify('eve', utf8('secret')), 'wrong');
  assert.is(await file.verify('', new Uint8Array(0)), 'wrong');
  assert.is(await file.verify('__proto__', utf8('x')), 'wrong');
  assert.is(await file.verify(`${'n'.repeat(65_535)}`, new Uint8Array(65_535)), 'wrong');
  assert.is(await file.verify('ann\u0000', utf8('secret')), 'wrong');
});

test('a name that is not there is worked for like one that is', async () => {
  let begun = 0;
  class Counting extends WorkGate {
    override run<T>(work: () => Promise<T>, isWanted?: () => boolean): Promise<T | undefined> {
      begun++;
      return super.run(work, isWanted);
    }
  }
  const file = PasswordFile.parse(await fileOf({ ann: 'x' }), undefined, new Counting(1, 10));
  await file.verify('ann', utf8('wrong'));
  assert.is(begun, 1);
  await file.verify('eve', utf8('wrong'));
  assert.is(begun, 2);
  await file.verify('ann', utf8('x'));
  assert.is(begun, 3);
  await file.verify('ann', utf8('x'));
  assert.is(begun, 3, 'what was right is known');
});

test('of a flood some are checked, some wait, the others are told that the broker is busy; who is gone is not worked for', async () => {
  const gate = new WorkGate(2, 3);
  const file = PasswordFile.parse(await fileOf({ ann: 'x' }), undefined, gate);
  let wanted = true;
  const verdicts = Array.from({ length: 10 }, () => file.verify('ann', utf8('wrong'), () => wanted));
  assert.is(gate.waiting, 3);
  wanted = false;
  const seen = await Promise.all(verdicts);
  assert.is(seen.filter((verdict) => verdict === 'wrong').length, 2);
  assert.is(seen.filter((verdict) => verdict === 'busy').length, 8);
  assert.is(await file.verify('ann', utf8('x')), 'right', 'and goes on');
  assert.is(gate.waiting, 0);
});

test('work that fails gives its place to the next', async () => {
  const gate = new WorkGate(1, 10);
  const failing = gate.run(() => Promise.reject(new Error('no')));
  const next = gate.run(async () => 'done');
  const error = await failing.catch((reason: Error) => reason.message);
  assert.is(error, 'no');
  assert.is(await next, 'done');
});

test('a password is set, changed and taken out, and other lines stay', async () => {
  const text = await fileOf({ ann: 'a', bob: 'b' });
  const changed = await withPassword(text, 'ann', utf8('new'), CHEAP);
  assert.ok(changed.startsWith('# names\n\nann:$scrypt$ln=10,r=1,p=1$'));
  const file = PasswordFile.parse(changed);
  assert.is(await file.verify('ann', utf8('new')), 'right');
  assert.is(await file.verify('ann', utf8('a')), 'wrong');
  assert.is(await file.verify('bob', utf8('b')), 'right');
  const without = PasswordFile.parse(await withPassword(changed, 'ann', undefined));
  assert.not(without.has('ann'));
  assert.ok(without.has('bob'));
  assert.is(changed.includes('new'), false);
});

test('salts differ', async () => {
  const [a, b] = await Promise.all([PasswordHash.of(utf8('x'), CHEAP), PasswordHash.of(utf8('x'), CHEAP)]);
  assert.is.not(a.toString(), b.toString());
});

test('names that would break the file', async () => {
  for (const name of ['', 'a:b', 'a\nb', 'a\u0000', ' a', '#a', 'n'.repeat(1_025)])
    assert.ok(nameProblem(name), JSON.stringify(name));
  for (const name of ['a', 'a b', 'böb', 'a#']) assert.is(nameProblem(name), undefined);
});

const HASH = '$scrypt$ln=10,r=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA';
const WRONG: readonly [string, string, RegExp][] = [
  ['a line without a colon', 'ann', /users, line 1: expected name:/],
  ['a password in the clear', `a:${HASH}\nbob:secret`, /users, line 2: the hash of "bob" is not of the form/],
  ['a name twice', `a:${HASH}\n#\na:${HASH}`, /line 3: "a" is there twice/],
  ['no name', `:${HASH}`, /line 1: the name is empty/],
  ['another scheme', 'a:$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g', /not of the form/],
  ['a cost that is too low', `a:${HASH.replace('ln=10', 'ln=1')}`, /cost outside/],
  ['a cost that takes the memory', `a:${HASH.replace('ln=10,r=1', 'ln=20,r=32')}`, /more than 256 MiB/],
  ['a short salt', `a:${HASH.replace('c2FsdHNhbHQ', 'c2E')}`, /salt/],
  ['a short hash', `a:${HASH.replace('aGFzaGhhc2hoYXNoaGFzaA', 'aGFz')}`, /hash that is not 16/],
];

for (const [what, text, message] of WRONG) {
  test(`${what} is refused with its line, and not repeated`, () => {
    const said = refusal(text);
    assert.match(said, message);
    assert.not.match(said, /secret/);
  });
}

test('lines may end as on Windows', () => {
  assert.is(PasswordFile.parse(`a:${HASH}\r\nb:${HASH}\r\n`).size, 2);
});

test.run();
