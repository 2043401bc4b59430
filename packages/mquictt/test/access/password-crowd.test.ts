/** One address that sends passwords without end leaves room for those of others. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccessControl } from '../../src/access/access-control.ts';
import { PasswordFile } from '../../src/access/password-file.ts';
import { PasswordHash } from '../../src/access/password-hash.ts';
import { WorkGate } from '../../src/access/work-gate.ts';
import type { AuthenticationResult } from '../../src/core/permissions.ts';
import { ReasonCode } from '../../src/reason-codes.ts';
import { utf8 } from '../support/hex.ts';

const test = suite('passwords from a crowd');

test('who floods from one address is told to wait, also with many IPv6 addresses of one network; another is checked', async () => {
  for (const flooder of [(i: number) => `192.0.2.1:${5_000 + i}`, (i: number) => `[2001:db8::${i + 1}]:5000`]) {
    const hash = await PasswordHash.of(utf8('secret'), { ln: 10, r: 8, p: 1 });
    const passwords = PasswordFile.parse(`ann:${hash.toString()}`, 'a text', new WorkGate(1, 20, 5));
    const control = new AccessControl({ passwords }, () => {});
    const come = (remote: string, password: string): Promise<AuthenticationResult> =>
      control.authenticate(
        {
          clientId: 'c',
          username: 'ann',
          password: utf8(password),
          certificateName: undefined,
          remote,
          protocolVersion: 5,
          isWanted: true,
        },
        () => 0,
      );
    const flood = Array.from({ length: 40 }, (_, i) => come(flooder(i), 'wrong'));
    const ann = come('198.51.100.7:5000', 'secret');
    assert.equal(await ann, { name: 'ann' });
    const answers = await Promise.all(flood);
    assert.is(answers.filter((answer) => answer === ReasonCode.BAD_USER_NAME_OR_PASSWORD).length, 6);
    assert.is(answers.filter((answer) => answer === ReasonCode.SERVER_BUSY).length, 34);
    // Nothing is held against it afterwards.
    assert.is(await come(flooder(0), 'wrong'), ReasonCode.BAD_USER_NAME_OR_PASSWORD);
  }
});

test.run();
