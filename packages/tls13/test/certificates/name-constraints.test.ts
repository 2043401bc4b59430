import { suite } from 'uvu';
import { extensions } from '@mquictt/testkit';
import { Alert } from '../../src/index.ts';
import { assertRefused, authority, leaf, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

const test = suite('name constraints');
const root = authority('root');
type Names = readonly (string | Uint8Array)[];

function constrained(permitted: Names, excluded: Names = [], critical = true): Issued {
  return authority('constrained', root, { replace: [extensions.nameConstraints(permitted, excluded, critical)] });
}

function accepts(issuer: Issued, names: Names, serverName: string): void {
  verify([leaf(issuer, names), issuer], [root], { serverName });
}

function refuses(issuer: Issued, names: Names, serverName: string): void {
  assertRefused(
    () => accepts(issuer, names, serverName),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /which its authority "CN=constrained" may not vouch for/,
    ['name-constraints', 'CN=leaf'],
  );
}

test('permitted names, at the border of a label', () => {
  const issuer = constrained(['example.org']);
  accepts(issuer, ['example.org'], 'example.org');
  accepts(issuer, ['a.b.EXAMPLE.org'], 'a.b.example.org');
  accepts(issuer, ['*.example.org'], 'www.example.org');
  refuses(issuer, ['badexample.org'], 'badexample.org');
  refuses(issuer, ['example.com'], 'example.com');
  refuses(issuer, ['example.org', 'example.com'], 'example.org');
  refuses(issuer, ['*.org'], 'a.org');
});

test('a leading dot stands for what is below', () => {
  const issuer = constrained(['.example.org']);
  accepts(issuer, ['www.example.org'], 'www.example.org');
  refuses(issuer, ['example.org'], 'example.org');
});

test('excluded names, also behind a wildcard', () => {
  const issuer = constrained([''], ['secret.example.org']);
  accepts(issuer, ['www.example.org'], 'www.example.org');
  refuses(issuer, ['secret.example.org'], 'secret.example.org');
  refuses(issuer, ['a.secret.example.org'], 'a.secret.example.org');
  refuses(issuer, ['*.example.org'], 'www.example.org');
  refuses(constrained([], ['.secret.example.org']), ['*.example.org'], 'www.example.org');
});

test('addresses', () => {
  const ten = Uint8Array.of(10, 0, 0, 0, 255, 0, 0, 0);
  const issuer = constrained([ten], [Uint8Array.of(10, 9, 0, 0, 255, 255, 0, 0)]);
  accepts(issuer, [Uint8Array.of(10, 1, 2, 3)], '10.1.2.3');
  refuses(issuer, [Uint8Array.of(11, 1, 2, 3)], '11.1.2.3');
  refuses(issuer, [Uint8Array.of(10, 9, 2, 3)], '10.9.2.3');
  const loopback6 = new Uint8Array(16);
  loopback6[15] = 1;
  refuses(issuer, [loopback6], '::1');
  // Names are another kind, which this says nothing about.
  accepts(issuer, ['example.org'], 'example.org');
});

test('constraints hold for every certificate below, and from the root', () => {
  const top = authority('constrained', undefined, { replace: [extensions.nameConstraints(['example.org'])] });
  const middle = authority('middle', top);
  verify([leaf(middle, ['example.org']), middle], [top]);
  assertRefused(
    () => verify([leaf(middle, ['example.com']), middle], [top], { serverName: 'example.com' }),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /example\.com, which its authority "CN=constrained"/,
  );
  const named = authority('named', top, { replace: [extensions.subjectAlternativeName('example.com')] });
  assertRefused(
    () => verify([leaf(named, ['example.org']), named], [top]),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /"CN=named" is for example\.com/,
  );
});

test('constraints hold for a leaf that carries the name of its own issuer', () => {
  const issuer = constrained(['example.org']);
  const sameName = leaf(issuer, ['example.com'], { subject: 'constrained' });
  assertRefused(
    () => verify([sameName, issuer], [root], { serverName: 'example.com' }),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /example\.com, which its authority "CN=constrained" may not vouch for/,
    ['name-constraints'],
  );
});

test('constraints that are not critical hold as well', () => {
  refuses(constrained(['example.org'], [], false), ['example.com'], 'example.com');
});

test('ranges of a length that no address has', () => {
  assertRefused(
    () => accepts(constrained([Uint8Array.of(10, 0, 0, 0)]), ['example.org'], 'example.org'),
    'ERR_TLS_CERTIFICATE_INVALID',
    Alert.BAD_CERTIFICATE,
    /range has the wrong length/,
  );
});

test('ranges whose mask has gaps', () => {
  for (const mask of [
    [255, 0, 255, 0],
    [254, 255, 0, 0],
    [0, 0, 0, 1],
  ])
    assertRefused(
      () => accepts(constrained([Uint8Array.of(10, 0, 0, 0, ...mask)]), ['example.org'], 'example.org'),
      'ERR_TLS_CERTIFICATE_INVALID',
      Alert.BAD_CERTIFICATE,
      /range has a mask with gaps/,
    );
  accepts(constrained([Uint8Array.of(10, 1, 2, 0, 255, 255, 254, 0)]), [Uint8Array.of(10, 1, 3, 9)], '10.1.3.9');
});

test('DNS names and constraints that are not written as DNS names are', () => {
  // An excluded name that matches nothing, since it is misspelt, is no permission.
  for (const base of ['secret.example.org.', '*.example.org', '..example.org', 'b\u00fccher.example'])
    for (const issuer of [constrained([base]), constrained([], [base])])
      assertRefused(
        () => accepts(issuer, ['example.org'], 'example.org'),
        'ERR_TLS_CERTIFICATE_INVALID',
        Alert.UNSUPPORTED_CERTIFICATE,
        /name constraints on DNS names that cannot be read/,
        ['name-constraints', 'CN=leaf'],
      );
  for (const name of ['secret.example.org.', 's*.example.org', 'secret.example.org\u0000'])
    refuses(constrained([], ['secret.example.org']), ['example.org', name], 'example.org');
});

test.run();
