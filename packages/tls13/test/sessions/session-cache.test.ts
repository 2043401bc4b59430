import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import { SessionCache } from '../../src/index.ts';
import { DAY, HOUR, clientSession } from '../support/sample-sessions.ts';

const test = suite('session cache');
const SEED = Number(process.env['SEED'] ?? 55);
const NOW = TEST_UNIX_TIME;
const NAME = 'broker.example.org';

test('the newest session comes out first, each once', () => {
  const cache = new SessionCache();
  const sessions = [1, 2, 3].map((seed) => clientSession(seed));
  for (const session of sessions) cache.put(session, '8883');
  assert.is(cache.size, 3);
  for (const expected of sessions.toReversed()) assert.is(cache.take(NAME, '8883', NOW), expected);
  assert.is(cache.take(NAME, '8883', NOW), undefined);
  assert.is(cache.size, 0);
});

test('another name or another scope has other sessions; case does not count in names', () => {
  const cache = new SessionCache();
  const session = clientSession(1, { serverName: 'Broker.Example.org' });
  cache.put(session, 'a');
  assert.is(cache.take('other.example.org', 'a', NOW), undefined);
  assert.is(cache.take(NAME, 'b', NOW), undefined);
  assert.is(cache.take(NAME, 'A', NOW), undefined);
  assert.is(cache.take(NAME, '', NOW), undefined);
  assert.is(cache.take('BROKER.example.org', 'a', NOW), session);
  // A scope that looks like the end of a name.
  cache.put(clientSession(2, { serverName: 'a' }), 'b c');
  assert.is(cache.take('a b', 'c', NOW), undefined);
});

test('expired sessions never come out and do not stay', () => {
  const cache = new SessionCache();
  const long = clientSession(1, { expiresAt: NOW + DAY });
  cache.put(long, '');
  cache.put(clientSession(2, { expiresAt: NOW + HOUR }), '');
  cache.put(clientSession(3, { expiresAt: NOW + HOUR + 1 }), '');
  assert.is(cache.take(NAME, '', NOW + HOUR + 1), long);
  assert.is(cache.size, 0);
  cache.put(clientSession(4, { expiresAt: NOW + HOUR }), '');
  assert.is(cache.take(NAME, '', NOW + HOUR), undefined);
  // From a clock that was ahead: it would not expire for a month.
  cache.put(clientSession(5, { expiresAt: NOW + 30 * DAY }), '');
  assert.is(cache.take(NAME, '', NOW), undefined);
  assert.is(cache.size, 0);
});

test('four sessions are kept for one name; the oldest goes', () => {
  const cache = new SessionCache();
  const sessions = Array.from({ length: 9 }, (_, seed) => clientSession(seed));
  for (const session of sessions) cache.put(session, '');
  assert.is(cache.size, 4);
  for (const expected of sessions.slice(5).toReversed()) assert.is(cache.take(NAME, '', NOW), expected);
  assert.is(cache.take(NAME, '', NOW), undefined);
});

test('the name that was longest unused goes when there are too many, as in a plain model', () => {
  const random = seededRandom(SEED);
  const cache = new SessionCache({ maxNames: 5 });
  /** The longest unused first. */
  let model: { readonly name: string; seeds: number[] }[] = [];
  for (let step = 0; step < 3000; step++) {
    const name = `host${random.integer(9)}.example`;
    const known = model.find((entry) => entry.name === name);
    model = model.filter((entry) => entry !== known);
    if (random.chance(0.6)) {
      cache.put(clientSession(step, { serverName: name }), '');
      model.push({ name, seeds: [...(known?.seeds ?? []), step].slice(-4) });
      model = model.slice(-5);
    } else {
      const expected = known?.seeds.pop();
      const session = cache.take(name, '', NOW);
      assert.equal(session?.ticket, expected === undefined ? undefined : clientSession(expected).ticket);
      if (known !== undefined && known.seeds.length > 0) model.push(known);
    }
    assert.is(
      cache.size,
      model.reduce((sum, { seeds }) => sum + seeds.length, 0),
    );
  }
});

test('a session that takes too much memory is dropped; a bound that is no number is refused', () => {
  const cache = new SessionCache();
  cache.put(clientSession(1, { ticket: new Uint8Array(40_000) }), '');
  cache.put(clientSession(1, { peerCertificates: [new Uint8Array(20_000), new Uint8Array(20_000)] }), '');
  cache.put(clientSession(1, { peerExtensions: [{ type: 1, data: new Uint8Array(40_000) }] }), '');
  assert.is(cache.size, 0);
  for (const maxNames of [0, -1, 2.5, NaN]) assert.throws(() => new SessionCache({ maxNames }), /"maxNames" expected/);
});

test.run();
