/** Filters as sets of topics, compared with trying every topic over a small alphabet. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { covers, levelsOfFilter, overlaps } from '../../src/access/filters.ts';

const test = suite('filters as sets');

/** All topics of up to four levels. `z` occurs in no filter: it stands for all other names. */
const LEVELS = ['a', 'b', '$s', '', 'z'];
const TOPICS: string[] = [];
for (let length = 1, ends = ['']; length <= 4; length++) {
  ends = ends.flatMap((end) => LEVELS.map((level) => (length === 1 ? level : `${end}/${level}`)));
  TOPICS.push(...ends.filter((topic) => topic !== ''));
}

/** MQTT 5 §4.7, written down anew. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const pattern = filter
    .split('/')
    .map((level, index) => {
      if (level === '+') return `${index === 0 ? '' : '/'}[^/]*`;
      if (level === '#') return index === 0 ? '.*' : '(/.*)?';
      return (index === 0 ? '' : '/') + level.replaceAll('$', '\\$');
    })
    .join('');
  return new RegExp(`^${pattern}$`).test(topic);
}

const filter = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '$s', '', '+'), { maxLength: 3 }), fc.boolean())
  .map(([levels, hasRest]) => [...levels, ...(hasRest || levels.length === 0 ? ['#'] : [])].join('/'))
  .filter((text) => text !== '');

test('a filter covers and overlaps what trying every topic says', () => {
  fc.assert(
    fc.property(filter, filter, (wide, narrow) => {
      const of = TOPICS.filter((topic) => matches(narrow, topic));
      const [a, b] = [levelsOfFilter(wide), levelsOfFilter(narrow)];
      assert.is(
        covers(a, b),
        of.every((topic) => matches(wide, topic)),
        `${wide} covers ${narrow}`,
      );
      assert.is(
        overlaps(a, b),
        of.some((topic) => matches(wide, topic)),
        `${wide} overlaps ${narrow}`,
      );
      assert.is(overlaps(b, a), overlaps(a, b));
    }),
    { numRuns: 800, seed: 1 },
  );
});

test('a topic name is covered where it matches', () => {
  fc.assert(
    fc.property(filter, fc.constantFrom(...TOPICS), (wide, topic) => {
      assert.is(covers(levelsOfFilter(wide), topic.split('/')), matches(wide, topic), `${wide} and ${topic}`);
    }),
    { numRuns: 3_000, seed: 2 },
  );
});

test('a level that is called + is no wildcard', () => {
  assert.not(covers(['+'], levelsOfFilter('+')));
  assert.not(covers(['a', '#'], ['a', 'b']));
  assert.not(overlaps(['+', 'a'], ['b', 'a']));
});

test.run();
