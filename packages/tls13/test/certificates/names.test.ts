import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '../../src/index.ts';
import { matchesDnsName, parseIpAddress, parseServerName } from '../../src/certificates/names.ts';
import { assertRefused, authority, leaf, verify } from '../support/chains.ts';

const test = suite('certificate names');
const root = authority('root');

function assertMismatch(names: readonly (string | Uint8Array)[], serverName: string): void {
  assertRefused(
    () => verify([leaf(root, names)], [root], { serverName }),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /is not for/,
  );
}

test('names that match', () => {
  const rows = [
    ['example.org', 'example.org'],
    ['EXAMPLE.org', 'example.org'],
    ['*.example.org', 'www.example.org'],
    ['*.example.org', 'xn--bcher-kva.example.org'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['a_b.example.org', 'a_b.example.org'],
    ['localhost', 'localhost'],
  ] as const;
  for (const [pattern, name] of rows) assert.ok(matchesDnsName(pattern, name), `${pattern} ${name}`);
});

test('names and wildcards that do not', () => {
  const rows = [
    ['example.org', 'www.example.org'],
    ['www.example.org', 'example.org'],
    ['example.org', 'example.org.evil'],
    ['*.example.org', 'example.org'],
    ['*.example.org', 'a.b.example.org'],
    ['*.example.org', '.example.org'],
    ['*.org', 'example.org'],
    ['*.localhost', 'a.localhost'],
    ['*', 'localhost'],
    ['*.', 'a.'],
    ['w*.example.org', 'www.example.org'],
    ['*w.example.org', 'www.example.org'],
    ['www.*.org', 'www.example.org'],
    ['*.*.org', 'www.example.org'],
    ['**.example.org', 'www.example.org'],
    ['xn--*.example.org', 'xn--a.example.org'],
    ['example.org.', 'example.org'],
    ['.example.org', 'example.org'],
    ['.example.org', 'www.example.org'],
    ['', 'example.org'],
    ['example.org\u0000', 'example.org'],
    ['example.org\u0000.evil.com', 'example.org'],
    ['*.example.org\u0000.evil.com', 'a.example.org'],
    ['b\u00fccher.example', 'xn--bcher-kva.example'],
    ['1.2.3.4', '1.2.3.4'],
    ['*.2.3.4', '1.2.3.4'],
    [' example.org', 'example.org'],
  ] as const;
  for (const [pattern, name] of rows) assert.not.ok(matchesDnsName(pattern, name), `${pattern} ${name}`);
});

test('a NUL in a certificate does not end the name', () => {
  assertMismatch(['example.org\u0000.evil.com'], 'example.org');
  assertMismatch(['evil.com\u0000example.org'], 'example.org');
});

test('an address is matched by addresses alone, a name by names alone', () => {
  const ipv4 = Uint8Array.of(192, 0, 2, 1);
  verify([leaf(root, [ipv4])], [root], { serverName: '192.0.2.1' });
  assertMismatch(['192.0.2.1'], '192.0.2.1');
  assertMismatch(['*.0.2.1', '*'], '192.0.2.1');
  assertMismatch([Uint8Array.of(192, 0, 2, 2)], '192.0.2.1');
  assertMismatch([ipv4], 'example.org');
  // The bytes of "mqtt" as an address.
  assertMismatch([Uint8Array.from([0x6d, 0x71, 0x74, 0x74])], 'mqtt');
});

test('an IPv4 address is not its IPv6 form', () => {
  const mapped = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
  assertMismatch([mapped], '192.0.2.1');
  verify([leaf(root, [mapped])], [root], { serverName: '::ffff:192.0.2.1' });
});

test('addresses of the wrong length in a certificate', () => {
  for (const length of [0, 3, 5, 8, 15, 32])
    assertRefused(
      () => verify([leaf(root, ['example.org', new Uint8Array(length)])], [root]),
      'ERR_TLS_CERTIFICATE_INVALID',
      Alert.BAD_CERTIFICATE,
      /IP address has the wrong length/,
    );
});

test('addresses are parsed in each of their forms', () => {
  const hex = (text: string): string | undefined => {
    const bytes = parseIpAddress(text);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
  };
  const rows = [
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['1::', `0001${'00'.repeat(14)}`],
    ['2001:DB8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['::13.1.68.3', '0000000000000000000000000d014403'],
    ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
  ] as const;
  for (const [text, bytes] of rows) assert.is(hex(text), bytes, text);
  for (const bad of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.-4',
    '1.2.3.0x4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    '::1.2.3.4:1',
    '1.2.3.4::',
    '::1%eth0',
    '[::1]',
    ':1::',
    '::1:',
  ])
    assert.is(hex(bad), undefined, bad);
});

test('server names are told apart, lowered and freed of the final dot', () => {
  assert.equal(parseServerName('Example.ORG.'), { type: 'dns', name: 'example.org' });
  assert.equal(parseServerName('127.0.0.1'), { type: 'ip', address: Uint8Array.of(127, 0, 0, 1) });
  assert.is(parseServerName('fe80::1').type, 'ip');
});

test('what is neither a name nor an address is our own mistake', () => {
  for (const bad of [
    '',
    '.',
    'a..b',
    'b\u00fccher.example',
    '[::1]',
    '1.2.3',
    '127.1',
    'a b',
    'a\u0000b',
    '*.example.org',
  ])
    assertRefused(() => parseServerName(bad), 'ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, /neither a DNS name nor/);
});

test.run();
