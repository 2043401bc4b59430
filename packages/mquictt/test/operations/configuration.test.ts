import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { configurationText } from '../../src/operations/configuration-text.ts';
import { CONFIGURATION, inFile, readConfiguration } from '../../src/operations/configuration.ts';
import { nearest } from '../../src/operations/nearest.ts';
import { problemsOf } from '../../src/operations/settings.ts';
import { rejection } from '../support/loopback.ts';

const test = suite('operations/configuration');

const problems = (value: unknown): string[] => problemsOf(value, inFile(CONFIGURATION));

const WRONG: readonly [what: string, value: unknown, problem: RegExp][] = [
  ['a slip', { adress: 'x' }, /^"adress" is not known here: did you mean "address"\?$/],
  ['letters swapped', { reatined: {} }, /did you mean "retained"\?/],
  ['the name of a program', { maxPacketSize: 100 }, /did you mean "max_packet_size"\?/],
  ['a slip further down', { session_queue: { max_byte: 1 } }, /^"session_queue.max_byte" .*"max_bytes"/],
  ['a slip in a list', { listeners: [{ type: 'tcp', prot: 1 }] }, /^"listeners\[0\].prot" .*"port"/],
  ['nothing alike', { entirely_different: 1 }, /^"entirely_different" is not known here: known are address, /],
  ['too small', { max_packet_size: 63 }, /^"max_packet_size" expected a whole number 64\.\.268435460 bytes, got 63$/],
  ['too large', { monitoring: { port: 65_536 } }, /^"monitoring.port" expected a whole number 0\.\.65535, got 65536$/],
  ['not whole', { receive_maximum: 1.5 }, /got 1\.5$/],
  ['a text for a number', { receive_maximum: '7' }, /got "7"$/],
  [
    'no number',
    { max_session_expiry: null },
    /^"max_session_expiry" expected a whole number from 0 seconds, got null$/,
  ],
  [
    'none of the choices',
    { log: { level: 'loud' } },
    /expected "debug", "info", "warn", "error" or "silent", got "loud"/,
  ],
  ['QoS 3', { maximum_qos: 3 }, /expected 0, 1 or 2, got 3/],
  ['no boolean', { retain_available: 'yes' }, /expected true or false, got "yes"/],
  ['no object', { auth: [] }, /^"auth" expected an object, got a list$/],
  ['no list', { listeners: {} }, /^"listeners" expected a list, got an object$/],
  ['a listener without type', { listeners: [{ port: 1 }] }, /^"listeners\[0\]" needs "type": "quic", "tcp"/],
  ['an empty text', { address: '' }, /expected host:port, got ""/],
  ['a text with NUL', { auth: { cert_file: 'a\0b' } }, /expected a path/],
  ['no rule', { access: { rules: ['all'] } }, /^"access.rules\[0\]" expected an object, got "all"$/],
  ['no configuration', [], /^The configuration expected an object, got a list$/],
  ['a key of objects', JSON.parse('{ "__proto__": 1 }'), /^"__proto__" is not known here/],
  ['another key of objects', { constructor: 1 }, /^"constructor" is not known here/],
];

for (const [what, value, problem] of WRONG) {
  test(`${what} is told with its place`, () => {
    const found = problems(value);
    assert.is(found.length, 1);
    assert.match(found[0]!, problem);
  });
}

test('a name as long as a book costs nothing and is shown in part', () => {
  const [problem] = problems({ ['x'.repeat(1_000_000)]: 1 });
  assert.ok(problem!.length < 1_000);
});

test('everything that is wrong is told at once', () => {
  assert.is(problems({ adress: 1, log: { levle: 'info', format: 7 } }).length, 3);
});

test('the nearest word is the one with the fewest slips, and none when all are far', () => {
  const words = ['port', 'path', 'host'];
  assert.is(nearest('prot', words), 'port');
  assert.is(nearest('hots', words), 'host');
  assert.is(nearest('paht', words), 'path');
  assert.is(nearest('elephant', words), undefined);
  assert.is(nearest('', words), undefined);
});

test('a file is read with the names that programs use', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
  const file = join(folder, 'server.json');
  await writeFile(file, '{ "max_packet_size": 100, "listeners": [{ "type": "ws", "max_half_open_connections": 5 }] }');
  assert.equal(await readConfiguration(file), {
    maxPacketSize: 100,
    listeners: [{ type: 'ws', maxHalfOpenConnections: 5 }],
  });
  for (const [text, message] of [
    ['{', /not JSON/],
    ['{ "hots": 1 }', /In .*server\.json:\n {2}"hots" is not known here/],
  ] as const) {
    await writeFile(file, text);
    const error = await rejection(readConfiguration(file));
    assert.is(error.code, 'ERR_MQTT_CONFIG');
    assert.match(error.message, message);
  }
  await rm(folder, { recursive: true });
  assert.match((await rejection(readConfiguration(file))).message, /Cannot read the configuration file/);
});

test('docs/configuration.md is what --help-config prints', async () => {
  const page = await readFile(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
  assert.is(page, configurationText(), 'run: npx mquictt serve --help-config > docs/configuration.md');
});

test('the example in the page is a configuration', () => {
  const [, example] = /```json\n(.*?)```/s.exec(configurationText())!;
  assert.equal(problems(JSON.parse(example!)), []);
});

test.run();
