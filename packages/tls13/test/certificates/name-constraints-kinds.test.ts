import { suite } from 'uvu';
import { der } from '@mquictt/testkit';
import { Alert } from '../../src/index.ts';
import { assertRefused, authority, leaf, verify } from '../support/chains.ts';
import type { Issued } from '../support/chains.ts';

/** Mail addresses, URIs and directory names, in subject alternative names and in the subject. */
const test = suite('name constraints of other kinds');
const root = authority('root');

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const dns = (text: string): Uint8Array => der.derImplicit(2, bytes(text));
const mail = (text: string): Uint8Array => der.derImplicit(1, bytes(text));
const uri = (text: string): Uint8Array => der.derImplicit(6, bytes(text));
const directory = (name: Uint8Array): Uint8Array => der.derExplicit(4, name);

type Value = string | Uint8Array;
const TYPES = { CN: '2.5.4.3', C: '2.5.4.6', O: '2.5.4.10', OU: '2.5.4.11', E: '1.2.840.113549.1.9.1' } as const;
type Attribute = readonly [keyof typeof TYPES, Value];

/** A Name of relative names with one attribute each; text is UTF8String. */
function name(...attributes: readonly Attribute[]): Uint8Array {
  return der.derSequence(...attributes.map((attribute) => der.derSet(attributeOf(attribute))));
}

function attributeOf([type, value]: Attribute): Uint8Array {
  return der.derSequence(der.derOid(TYPES[type]), typeof value === 'string' ? der.derUtf8(value) : value);
}

function constrained(permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []): Issued {
  const list = (tag: number, bases: readonly Uint8Array[]): Uint8Array[] =>
    bases.length === 0 ? [] : [der.der(tag, ...bases.map((base) => der.derSequence(base)))];
  return withSubtrees(der.derSequence(...list(0xa0, permitted), ...list(0xa1, excluded)));
}

function withSubtrees(value: Uint8Array): Issued {
  return authority('constrained', root, { replace: [{ oid: '2.5.29.30', critical: true, value }] });
}

/** A leaf for example.org and for other names. */
function issue(issuer: Issued, names: readonly Uint8Array[], subjectDer?: Uint8Array): void {
  const value = der.derSequence(dns('example.org'), ...names);
  const overrides = { replace: [{ oid: '2.5.29.17', value }], ...(subjectDer === undefined ? {} : { subjectDer }) };
  verify([leaf(issuer, [], overrides), issuer], [root]);
}

function refuses(issuer: Issued, names: readonly Uint8Array[], subjectDer?: Uint8Array): void {
  assertRefused(
    () => issue(issuer, names, subjectDer),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /which its authority "CN=constrained" may not vouch for \(name constraints\)/,
    ['name-constraints'],
  );
}

function cannotEvaluate(issuer: Issued, names: readonly Uint8Array[], kind: RegExp): void {
  assertRefused(() => issue(issuer, names), 'ERR_TLS_CERTIFICATE_INVALID', Alert.UNSUPPORTED_CERTIFICATE, kind, [
    'name-constraints',
    'CN=leaf',
  ]);
}

test('mail addresses: a mailbox, a host, a domain, everything', () => {
  const mailbox = constrained([mail('root@example.org')]);
  issue(mailbox, []);
  issue(mailbox, [mail('root@EXAMPLE.org')]);
  for (const other of ['Root@example.org', 'a@example.org', 'root@mail.example.org']) refuses(mailbox, [mail(other)]);
  const host = constrained([mail('example.org')]);
  issue(host, [mail('anyone@example.ORG')]);
  for (const other of ['a@mail.example.org', 'a@badexample.org', 'a@example.com']) refuses(host, [mail(other)]);
  const domain = constrained([mail('.example.org')]);
  issue(domain, [mail('a@mail.example.org'), mail('a@b.mail.example.org')]);
  refuses(domain, [mail('a@example.org')]);
  issue(constrained([mail('')]), [mail('a@example.com')]);
  refuses(constrained([], [mail('')]), [mail('a@example.com')]);
});

test('mail addresses that are excluded, and each of several counts', () => {
  const issuer = constrained([], [mail('example.org'), mail('ceo@example.com')]);
  issue(issuer, [mail('a@example.com')]);
  refuses(issuer, [mail('a@example.com'), mail('ceo@example.com')]);
  refuses(issuer, [mail('a@example.org')]);
});

test('mail addresses in the subject', () => {
  const subject = (address: string): Uint8Array => name(['CN', 'leaf'], ['E', der.der(0x16, bytes(address))]);
  const issuer = constrained([mail('example.org')], [mail('ceo@example.org')]);
  issue(issuer, [], subject('a@example.org'));
  refuses(issuer, [], subject('a@example.com'));
  refuses(issuer, [], subject('ceo@example.org'));
  // An address in the alternative names does not hide the one in the subject.
  refuses(issuer, [mail('a@example.org')], subject('a@example.com'));
  // In other types of string, too.
  refuses(issuer, [], name(['E', 'a@example.com']));
});

test('mail addresses that could be written in another way are refused where addresses are constrained', () => {
  const excluding = constrained([], [mail('ceo@example.org')]);
  for (const odd of [
    '"ceo"@example.org',
    'ceo@example.org.',
    'ceo @example.org',
    'ceo@[192.0.2.1]',
    'ceo',
    '@example.org',
    'a@ceo@example.org',
  ])
    refuses(excluding, [mail(odd)]);
  // SmtpUTF8Mailbox (RFC 9598), an otherName.
  const utf8Mailbox = der.derExplicit(
    0,
    der.derOid('1.3.6.1.5.5.7.8.9'),
    der.derExplicit(0, der.derUtf8('\u00e4@example.org')),
  );
  refuses(excluding, [utf8Mailbox]);
  issue(constrained([dns('example.org')]), [mail('"ceo"@example.org'), utf8Mailbox]);
});

test('URIs: a host or a domain', () => {
  const host = constrained([uri('example.org')]);
  for (const good of [
    'https://example.org',
    'https://EXAMPLE.org/path?query#fragment',
    'mqtt://user:secret@example.org:8883/',
    'urn+x.y-z://example.org?x=//example.com',
  ])
    issue(host, [uri(good)]);
  for (const bad of ['https://www.example.org/', 'https://example.com/example.org', 'https://example.org@example.com/'])
    refuses(host, [uri(bad)]);
  const domain = constrained([uri('.example.org')], [uri('secret.example.org')]);
  issue(domain, [uri('https://www.example.org/')]);
  refuses(domain, [uri('https://example.org/')]);
  refuses(domain, [uri('https://secret.example.org/')]);
});

test('URIs without the name of a host are refused where URIs are constrained (RFC 5280 §4.2.1.10)', () => {
  const issuer = constrained([], [uri('example.com')]);
  for (const bad of [
    'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    'mailto:a@example.com',
    'https://192.0.2.1/',
    'https://[::1]/',
    'https:///path',
    'https://a@b@example.org/',
    'https://example.com\\@example.org/',
    'https://example.org%2eexample.com/',
    'https://example.com./',
    '//example.org/',
    'example.org',
  ])
    refuses(issuer, [uri(bad)]);
  issue(constrained([dns('example.org')]), [uri('urn:x')]);
});

test('directory names: the base is the beginning of the subject', () => {
  const issuer = constrained([directory(name(['C', 'DE'], ['O', 'Example']))]);
  issue(issuer, [], name(['C', 'DE'], ['O', 'Example']));
  issue(issuer, [], name(['C', 'DE'], ['O', 'Example'], ['OU', 'Sales'], ['CN', 'x']));
  refuses(issuer, [], name(['C', 'DE']));
  refuses(issuer, [], name(['C', 'DE'], ['O', 'Other'], ['CN', 'x']));
  refuses(issuer, [], name(['O', 'Example'], ['C', 'DE']));
  refuses(issuer, [], name(['CN', 'x'], ['C', 'DE'], ['O', 'Example']));
  refuses(issuer, [], name(['C', 'DE'], ['OU', 'Example']));
  // The subject does not count where it is empty.
  issue(issuer, [], name());
});

test('directory names among the alternative names count like the subject', () => {
  const issuer = constrained([directory(name(['O', 'Example']))]);
  const subject = name(['O', 'Example'], ['CN', 'x']);
  issue(issuer, [directory(name(['O', 'Example'], ['CN', 'y']))], subject);
  refuses(issuer, [directory(name(['O', 'Other']))], subject);
});

test('directory names are equal without case, spaces and type of string', () => {
  const printable = (text: string): Uint8Array => der.der(0x13, bytes(text));
  const bmp = (text: string): Uint8Array =>
    der.der(0x1e, Uint8Array.from(Array.from(text).flatMap((c) => [c.charCodeAt(0) >> 8, c.charCodeAt(0) & 0xff])));
  const same: Value[] = [
    'Example GmbH',
    printable('EXAMPLE  gmbh'),
    ' example gmbh ',
    bmp('Example GmbH'),
    '\uff25xample\u00a0GmbH',
  ];
  for (const written of same) {
    issue(constrained([directory(name(['O', 'Example GmbH']))]), [], name(['O', written], ['CN', 'x']));
    issue(constrained([directory(name(['O', written]))]), [], name(['O', 'Example GmbH']));
    refuses(constrained([], [directory(name(['O', 'Example GmbH']))]), [], name(['O', written], ['CN', 'x']));
  }
  for (const other of ['ExampleGmbH', 'Example GmbH 2', 'Ex\u00e4mple GmbH'])
    refuses(constrained([directory(name(['O', 'Example GmbH']))]), [], name(['O', other]));
});

test('directory names in no certain encoding are never permitted and always excluded', () => {
  const teletex = der.der(0x14, bytes('Example'));
  for (const odd of [
    teletex,
    'Exam\u00adple',
    'Exam\u0000ple',
    der.der(0x0c, Uint8Array.of(0xc1, 0x81)),
    der.derNull(),
  ]) {
    refuses(constrained([directory(name(['O', 'Example']))]), [], name(['O', odd]));
    refuses(constrained([], [directory(name(['O', 'Example']))]), [], name(['O', odd]));
    refuses(constrained([], [directory(name(['O', odd]))]), [], name(['O', 'Example']));
  }
  // Byte for byte the same is the same.
  issue(constrained([directory(name(['O', teletex]))]), [], name(['O', teletex], ['CN', 'x']));
});

test('attributes of one relative name have no order, and none may be missing', () => {
  const both = (...attributes: readonly Attribute[]): Uint8Array =>
    der.derSequence(der.derSet(...attributes.map(attributeOf)));
  const issuer = constrained([directory(both(['O', 'Example'], ['OU', 'Sales']))]);
  issue(issuer, [], both(['OU', 'Sales'], ['O', 'Example']));
  refuses(issuer, [], name(['O', 'Example'], ['OU', 'Sales']));
  refuses(issuer, [], both(['O', 'Example']));
  // A value cannot pass for two attributes.
  refuses(issuer, [], both(['O', 'Example+2.5.4.11=5:sales']));
});

test('the empty directory name is every name', () => {
  issue(constrained([directory(name())]), [], name(['CN', 'x']));
  refuses(constrained([], [directory(name())]), [], name(['CN', 'x']));
});

test('constraints hold for the subjects of authorities below, and not for self-issued ones', () => {
  const top = authority('top', undefined, {
    replace: [
      {
        oid: '2.5.29.30',
        critical: true,
        value: der.derSequence(der.der(0xa0, der.derSequence(directory(name(['CN', 'leaf']))))),
      },
    ],
  });
  const renewed = authority('top', top, { key: leaf(root, []).key });
  verify([leaf(top, ['example.org'])], [top]);
  verify([leaf(renewed, ['example.org']), renewed], [top]);
  const other = authority('other', top);
  assertRefused(
    () => verify([leaf(other, ['example.org']), other], [top]),
    'ERR_TLS_CERTIFICATE_NAME_MISMATCH',
    Alert.BAD_CERTIFICATE,
    /Certificate "CN=other" is for "CN=other", which its authority "CN=top" may not vouch for/,
    ['name-constraints', 'CN=other'],
  );
});

test('kinds that are not evaluated are refused where a name of that kind occurs, and only there', () => {
  const otherName = der.derExplicit(0, der.derOid('1.2.3'), der.derExplicit(0, der.derNull()));
  const registered = der.derImplicit(8, Uint8Array.of(0x2a, 0x03));
  for (const [kind, sentence] of [
    [otherName, /name constraints on other names, which are not supported, and "CN=leaf" has such a name/],
    [registered, /names with tag 136/],
  ] as const) {
    issue(constrained([kind]), []);
    issue(constrained([], [kind]), [mail('a@example.org')]);
    cannotEvaluate(constrained([kind]), [kind], sentence);
    cannotEvaluate(constrained([], [kind]), [kind], sentence);
  }
});

test('minimum and maximum, which nobody may use, are refused and not passed over', () => {
  const kinds: [Uint8Array, RegExp][] = [
    [dns('example.org'), /DNS names with a minimum or maximum/],
    [mail('example.org'), /mail addresses with a minimum/],
    [uri('example.org'), /URIs with a minimum/],
    [directory(name(['CN', 'leaf'])), /directory names with a minimum/],
    [der.derImplicit(7, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0)), /IP addresses with a minimum/],
  ];
  const names = [mail('a@example.org'), uri('https://example.org'), der.derImplicit(7, Uint8Array.of(127, 0, 0, 1))];
  for (const [base, sentence] of kinds)
    for (const limit of [der.derImplicit(0, Uint8Array.of(0)), der.derImplicit(1, Uint8Array.of(5))])
      cannotEvaluate(withSubtrees(der.derSequence(der.der(0xa0, der.derSequence(base, limit)))), names, sentence);
});

test('lists of constraints that are empty', () => {
  for (const tag of [0xa0, 0xa1])
    assertRefused(
      () => issue(withSubtrees(der.derSequence(der.der(tag))), []),
      'ERR_TLS_CERTIFICATE_INVALID',
      Alert.BAD_CERTIFICATE,
      /Name constraints are empty/,
      ['malformed'],
    );
});

test.run();
