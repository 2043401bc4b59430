import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccessRules } from '../../src/access/access-rules.ts';
import type { AccessRule } from '../../src/access/access-rules.ts';
import type { Permissions } from '../../src/core/permissions.ts';

const test = suite('access rules');

function permissions(rules: readonly AccessRule[], identity?: string, clientId = 'c'): Permissions {
  return new AccessRules(rules).permissionsOf({ identity, clientId });
}

function refusal(rules: unknown): string {
  try {
    assert.instance(new AccessRules(rules as AccessRule[]), AccessRules);
  } catch (error) {
    assert.is((error as { code?: string }).code, 'ERR_MQTT_ACCESS');
    return (error as Error).message;
  }
  throw new Error('The rules were taken');
}

test('the first rule that fits decides, and without one the answer is no', () => {
  const some = permissions([
    { deny: 'publish', topic: 'a/secret' },
    { allow: 'all', topic: 'a/#' },
  ]);
  assert.ok(some.mayPublish('a', false));
  assert.ok(some.mayPublish('a/b', false));
  assert.not(some.mayPublish('a/secret', false));
  assert.not(some.mayPublish('b', false));
  assert.ok(some.maySubscribe('a/secret'));
  const none = permissions([]);
  assert.not(none.mayPublish('a', false));
  assert.not(none.maySubscribe('a'));
});

test('a message to be retained is a message: publish is about both, retain about those alone', () => {
  const some = permissions([
    { deny: 'retain', topic: 'a/#' },
    { allow: 'publish', topic: '#' },
  ]);
  assert.ok(some.mayPublish('a/b', false));
  assert.not(some.mayPublish('a/b', true));
  assert.ok(some.mayPublish('b', true));
  const only = permissions([{ allow: 'retain', topic: '#' }]);
  assert.ok(only.mayPublish('a', true));
  assert.not(only.mayPublish('a', false));
});

test('rules for identities and client identifiers, also by their beginnings', () => {
  const rules: AccessRule[] = [
    { allow: 'all', topic: 'admin/#', identity: ['root', 'op-*'] },
    { allow: 'all', topic: 'sensor/#', client: 's-*' },
    { allow: 'all', topic: 'named/#', identity: '*' },
  ];
  assert.ok(permissions(rules, 'root').mayPublish('admin/x', false));
  assert.ok(permissions(rules, 'op-1').mayPublish('admin/x', false));
  assert.not(permissions(rules, 'rooted').mayPublish('admin/x', false));
  assert.not(permissions(rules).mayPublish('admin/x', false));
  assert.ok(permissions(rules, undefined, 's-1').mayPublish('sensor/x', false));
  assert.not(permissions(rules, 's-1', 'x').mayPublish('sensor/x', false));
  assert.ok(permissions(rules, 'x').mayPublish('named/x', false));
  assert.not(permissions(rules).mayPublish('named/x', false));
});

test('%u and %c are the names of the client, within a level as well', () => {
  const rules: AccessRule[] = [{ allow: 'all', topic: ['u/%u/#', 'c/dev-%c/%u'] }];
  const some = permissions(rules, 'ann', '7');
  assert.ok(some.mayPublish('u/ann/x', false));
  assert.not(some.mayPublish('u/bob/x', false));
  assert.ok(some.mayPublish('c/dev-7/ann', false));
  assert.ok(some.maySubscribe('u/ann/+/x'));
  assert.not(some.maySubscribe('u/+/x'));
  assert.not(permissions(rules).mayPublish('u//x', false), 'nobody has no name');
});

const WIDENING: readonly string[] = ['+', '#', 'a/b', '/', '', '+a', 'a#'];

test('a name with a wildcard or a slash in it does not widen a rule', () => {
  for (const name of WIDENING) {
    const some = permissions([{ allow: 'all', topic: ['u/%u/#', '%u'] }], name);
    for (const topic of ['u/x/y', 'u/a/b', 'u/+/y', 'u', 'x', `u/${name}`, `u/${name}/x`])
      assert.not(some.mayPublish(topic, false), `${name} and ${topic}`);
    for (const filter of ['u/+/#', 'u/#', '#', '+', 'u/a/b', 'u/a/b/#', 'u/+'])
      assert.not(some.maySubscribe(filter), `${name} and ${filter}`);
  }
});

test('nor does it get around a rule that denies', () => {
  for (const name of WIDENING) {
    const some = permissions(
      [
        { deny: 'all', topic: 'u/%u/private' },
        { allow: 'all', topic: '#' },
      ],
      name,
    );
    assert.not(some.mayPublish('u/a/b/private', false), name);
    assert.not(some.maySubscribe('u/a/b/private'), name);
    assert.ok(some.mayPublish('v/x', false), name);
  }
});

test('a name with $ in front does not reach the topics of the broker', () => {
  const some = permissions([{ allow: 'all', topic: ['%u/#', 'home/%u'] }], '$SYS');
  assert.not(some.maySubscribe('$SYS/#'));
  assert.not(some.mayPublish('$SYS/x', false));
  assert.ok(some.mayPublish('home/$SYS', false));
  assert.ok(
    permissions([{ allow: 'all', topic: '$jobs-%u/#' }], 'a').mayPublish('$jobs-a/x', false),
    'the rule says so itself',
  );
  assert.not(permissions([{ allow: 'all', topic: '#' }]).maySubscribe('$SYS/#'));
});

test('a subscription needs one rule that allows all of it, and none before that denies some of it', () => {
  const some = permissions([
    { allow: 'subscribe', topic: 'a/secret/mine' },
    { deny: 'subscribe', topic: 'a/secret/#' },
    { allow: 'subscribe', topic: 'a/#' },
    { allow: 'subscribe', topic: ['x/y', 'x/+/z'] },
  ]);
  for (const filter of ['a/secret/mine', 'a/public/#', 'a', 'x/y', 'x/b/z'])
    assert.ok(some.maySubscribe(filter), filter);
  for (const filter of ['a/#', 'a/+', '#', 'a/secret', 'a/+/mine', 'x/+', 'x/#'])
    assert.not(some.maySubscribe(filter), filter);
});

/** Topics over a small alphabet: `z` stands for all names that no rule has. */
const TOPICS = ['a', 'b', 'z'].flatMap((x) => [
  x,
  ...['a', 'b', 'z'].flatMap((y) => [`${x}/${y}`, `${x}/${y}/a`, `${x}/${y}/z`]),
]);
const filter = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '+', '%u'), { maxLength: 3 }), fc.boolean())
  .map(([levels, hasRest]) => [...levels, ...(hasRest || levels.length === 0 ? ['#'] : [])].join('/'));
const rule = fc
  .record({
    kind: fc.constantFrom('allow', 'deny'),
    topic: fc.array(filter, { minLength: 1, maxLength: 2 }),
    action: fc.constantFrom('publish', 'subscribe', 'all'),
  })
  .map(({ kind, topic, action }) => ({ [kind]: action, topic }) as unknown as AccessRule);

test('no subscription is allowed with a topic in it that would be refused alone, and a topic alone is decided exactly', () => {
  let allowed = 0;
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 5 }),
      fc.constantFrom('a', 'b', 'z', '+', 'a/b', undefined),
      filter.map((text) => text.replaceAll('%u', 'z')),
      (rules, identity, wanted) => {
        const some = permissions(rules, identity);
        if (!some.maySubscribe(wanted)) return;
        allowed++;
        const pattern = new RegExp(
          `^${wanted.replace(/^#$/, '.*').replaceAll('/#', '(/.*)?').replaceAll('+', '[^/]*')}$`,
        );
        for (const topic of TOPICS.filter((topic) => pattern.test(topic)))
          assert.ok(some.maySubscribe(topic), `${JSON.stringify(rules)} allow ${wanted} to ${identity}, with ${topic}`);
      },
    ),
    { numRuns: 5_000, seed: 3 },
  );
  assert.ok(allowed > 300, `${allowed} were allowed`);
});

test('for messages, the first rule in a plain reading of them', () => {
  const fits = (filterText: string, identity: string | undefined, topic: string): boolean => {
    if (filterText.includes('%u') && identity === undefined) return false;
    const filled = filterText.replaceAll('%u', identity ?? '');
    return new RegExp(`^${filled.replace(/^#$/, '.*').replaceAll('/#', '(/.*)?').replaceAll('+', '[^/]*')}$`).test(
      topic,
    );
  };
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 5 }),
      fc.constantFrom('a', 'b', 'z'),
      fc.constantFrom(...TOPICS),
      (rules, identity, topic) => {
        const first = rules.find(
          ({ allow, deny, topic: filters }) =>
            ['publish', 'all'].includes((allow ?? deny) as string) &&
            (filters as string[]).some((text) => fits(text, identity, topic)),
        );
        assert.is(permissions(rules, identity).mayPublish(topic, false), first?.allow !== undefined);
      },
    ),
    { numRuns: 5_000, seed: 4 },
  );
});

const WRONG: readonly [string, unknown, RegExp][] = [
  ['no list', { allow: 'all' }, /expected a list, got object/],
  ['no object', ['allow'], /rule 1 expected an object, got string/],
  ['a name that is not known', [{ allow: 'all', topics: '#' }], /has "topics", which is none of/],
  ['nothing said', [{ topic: '#' }], /"allow" or "deny"/],
  ['both said', [{ allow: 'all', deny: 'all', topic: '#' }], /not both/],
  ['another action', [{ allow: 'read', topic: '#' }], /"allow" expected .*, got "read"/],
  ['no topic', [{ allow: 'all' }], /"topic" expected a text or a list of texts, got undefined/],
  ['an empty list', [{ allow: 'all', topic: [] }], /empty list/],
  ['an empty identity', [{ allow: 'all', topic: '#', identity: '' }], /got an empty text/],
  [
    'a wrong filter',
    [
      { allow: 'all', topic: '#' },
      { deny: 'all', topic: 'a#' },
    ],
    /rule 2: the topic filter "a#" has/,
  ],
  ['NUL', [{ allow: 'all', topic: 'a\u0000' }], /rule 1: the topic filter/],
  ['a shared filter', [{ allow: 'all', topic: '$share/g/a' }], /without \$share/],
  ['a * in the middle', [{ allow: 'all', topic: '#', client: 'a*b' }], /before its end/],
];

for (const [what, rules, message] of WRONG) {
  test(`rules with ${what} are refused with a sentence`, () => assert.match(refusal(rules), message));
}

test('a bomb of rules is refused, and the most that is taken is decided in time', () => {
  const many = (count: number): AccessRule[] =>
    Array.from({ length: count }, (_, i) => ({ allow: 'all', topic: `${'+/'.repeat(100)}${i}/#` }) as const);
  assert.match(refusal(many(16_385)), /more than 16384 topic filters/);
  assert.match(refusal([{ allow: 'all', topic: `${'a/'.repeat(200)}#` }]), /levels/);
  const some = permissions(many(2_000));
  assert.not(some.mayPublish(`${'a/'.repeat(100)}x`, false));
  assert.ok(some.mayPublish(`${'a/'.repeat(100)}1999/y`, false));
  assert.not(some.maySubscribe(`${'+/'.repeat(101)}#`));
});

test('huge names cost no more than their length', () => {
  const some = permissions([{ allow: 'all', topic: 'u/%u/%u/%u' }], 'n'.repeat(65_535), '\u0000');
  assert.not(some.mayPublish('u/n/n/n', false));
  assert.not(some.maySubscribe('u/#'));
});

test.run();
