import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAddress, parseAddress, plainAddress } from '../src/addresses.ts';
import { QuicNodeError } from '../src/errors.ts';

const test = suite('addresses');

const GOOD: readonly (readonly [string, number | undefined, string, number])[] = [
  ['example.org:443', undefined, 'example.org', 443],
  ['example.org', 14567, 'example.org', 14567],
  ['127.0.0.1:0', undefined, '127.0.0.1', 0],
  ['[::1]:65535', undefined, '::1', 65_535],
  ['[::1]', 1883, '::1', 1883],
  ['::1', 1883, '::1', 1883],
  ['2001:db8::1:2', 8883, '2001:db8::1:2', 8883],
  ['[fe80::1%eth0]:8883', undefined, 'fe80::1%eth0', 8883],
  [':4433', undefined, '::', 4433],
  ['  localhost:1  ', undefined, 'localhost', 1],
];

for (const [input, defaultPort, host, port] of GOOD) {
  test(`reads ${JSON.stringify(input)}`, () => {
    assert.equal(parseAddress(input, defaultPort), { host, port });
  });
}

const BAD: readonly (readonly [string, RegExp])[] = [
  ['', /expected host:port/],
  ['example.org', /the port is missing/],
  ['example.org:', /the port is missing/],
  ['example.org:65536', /port expected 0\.\.65535, got 65536/],
  ['example.org:99999999', /port expected 0\.\.65535, got 99999999/],
  ['example.org:-1', /port expected/],
  ['example.org:80x', /port expected 0\.\.65535, got 80x/],
  ['::1', /the port is missing/],
  ['1:2:3', /in brackets, as in \[::1\]:8883/],
  ['[::1', /expected an IPv6 address in brackets/],
  ['[127.0.0.1]:80', /expected an IPv6 address in brackets/],
  ['[::1]80', /expected :port after the brackets/],
  ['mqtt://example.org:80', /in brackets|no such characters/],
  ['user@example.org:80', /no such characters/],
  ['a b:80', /no such characters/],
];

for (const [input, sentence] of BAD) {
  test(`says what is wrong with ${JSON.stringify(input)}`, () => {
    try {
      parseAddress(input);
    } catch (error) {
      assert.instance(error, QuicNodeError);
      assert.is((error as QuicNodeError).code, 'ERR_QUIC_ADDRESS');
      assert.match((error as QuicNodeError).message, sentence);
      assert.ok((error as QuicNodeError).message.includes(JSON.stringify(input)));
      return;
    }
    assert.unreachable();
  });
}

test('takes an address in two parts, and checks it', () => {
  assert.equal(parseAddress({ host: '[::1]', port: 5 }), { host: '::1', port: 5 });
  assert.throws(() => parseAddress({ host: '', port: 5 }), /host is empty/);
  assert.throws(() => parseAddress({ host: 'a', port: 1.5 }), /port expected/);
  assert.throws(() => parseAddress({ host: 'a', port: NaN }), /port expected/);
});

test('writes what it reads', () => {
  for (const text of ['example.org:443', '[::1]:8883', '[2001:db8::5]:0', '192.0.2.1:9']) {
    assert.is(formatAddress(parseAddress(text)), text);
  }
});

test('shows an IPv4 peer of a dual-stack socket as IPv4', () => {
  assert.is(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.is(plainAddress('::ffff:0:1'), '::ffff:0:1');
  assert.is(plainAddress('::1'), '::1');
  assert.is(plainAddress('192.0.2.1'), '192.0.2.1');
});

test.run();
