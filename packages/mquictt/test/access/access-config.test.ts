/** "access" and "limits" of configuration files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withPassword } from '../../src/access/password-file.ts';
import { Config } from '../../src/index.ts';
import { utf8 } from '../support/hex.ts';
import { rejection } from '../support/loopback.ts';

const test = suite('access in configuration files');

let folder = '';
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
  await writeFile(join(folder, 'users'), await withPassword('', 'ann', utf8('x'), { ln: 10, r: 1, p: 1 }));
  await writeFile(join(folder, 'broken'), 'ann:secret\n');
  await writeFile(join(folder, 'secret'), 'x'.repeat(32));
});
test.after(async () => {
  await rm(folder, { recursive: true });
});

async function read(content: unknown): Promise<Config> {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(content));
  return Config.read(file);
}

test('everything that there is', async () => {
  const rules = [{ allow: 'all', topic: 'u/%u/#', identity: 'ann', client: ['a*'] }];
  const { access, limits } = await read({
    access: {
      password_file: 'users',
      certificate_name: 'dns',
      anonymous: false,
      tokens: {
        secret_file: 'secret',
        algorithms: ['HS256'],
        issuer: 'https://id',
        audience: ['mqtt'],
        clock_tolerance: 5,
        name_claim: 'name',
        rules_claim: 'mqtt',
      },
      rules,
    },
    limits: { max_message_rate: 0.5, max_connections_per_address: 5, max_subscriptions: 10 },
  });
  assert.is(access?.passwords?.size, 1);
  assert.ok(access?.tokens);
  assert.is(access?.certificateName, 'dns');
  assert.is(access?.anonymous, false);
  assert.equal(access?.rules, rules);
  assert.equal(limits, { maxMessageRate: 0.5, maxConnectionsPerAddress: 5, maxSubscriptions: 10 });
});

test('nothing', async () => {
  const { access, limits } = await read({});
  assert.equal([access, limits], [undefined, undefined]);
  assert.equal((await read({ access: {} })).access, {});
});

const WRONG: readonly [string, unknown, string, RegExp][] = [
  ['no object', { access: [] }, 'ERR_MQTT_CONFIG', /config\.json: "access" expected an object/],
  ['a field that is not known', { access: { rule: [] } }, 'ERR_MQTT_CONFIG', /"access" has "rule", which is none of/],
  ['a limit that is not known', { limits: { max_rate: 1 } }, 'ERR_MQTT_CONFIG', /"limits" has "max_rate"/],
  [
    'a limit that is none',
    { limits: { max_subscriptions: -1 } },
    'ERR_MQTT_CONFIG',
    /"limits.max_subscriptions" expected a whole/,
  ],
  [
    'a text for a flag',
    { access: { anonymous: 'no' } },
    'ERR_MQTT_CONFIG',
    /"access.anonymous" expected true or false/,
  ],
  ['another name', { access: { certificate_name: 'cn' } }, 'ERR_MQTT_CONFIG', /expected common-name, dns/],
  ['a missing file', { access: { password_file: 'none' } }, 'ERR_MQTT_ACCESS', /password file .*none/],
  ['a broken file', { access: { password_file: 'broken' } }, 'ERR_MQTT_ACCESS', /broken, line 1: the hash of "ann"/],
  ['a wrong rule', { access: { rules: [{ allow: 'all' }] } }, 'ERR_MQTT_ACCESS', /config\.json: Access rule 1/],
  [
    'tokens without a key',
    { access: { tokens: { algorithms: ['ES256'] } } },
    'ERR_MQTT_CONFIG',
    /"key_file" or "secret_file"/,
  ],
  [
    'tokens without algorithms',
    { access: { tokens: { secret_file: 'secret' } } },
    'ERR_MQTT_ACCESS',
    /list of algorithms/,
  ],
  [
    'tokens with a field that is not known',
    { access: { tokens: { secret_file: 'secret', alg: 'HS256' } } },
    'ERR_MQTT_CONFIG',
    /"access.tokens" has "alg"/,
  ],
  [
    'a missing key',
    { access: { tokens: { key_file: 'none', algorithms: ['ES256'] } } },
    'ERR_MQTT_ACCESS',
    /Cannot read the key/,
  ],
];

for (const [what, content, code, message] of WRONG) {
  test(`${what} gives ${code} and a sentence`, async () => {
    const error = await rejection(read(content));
    assert.is(error.code, code, error.message);
    assert.match(error.message, message);
    assert.not.match(error.message, /secret\n/);
  });
}

test.run();
