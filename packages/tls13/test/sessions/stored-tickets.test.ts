import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import { StoredTickets } from '../../src/index.ts';
import { DAY, HOUR, serverSession } from '../support/sample-sessions.ts';

const test = suite('stored tickets');
const SEED = Number(process.env['SEED'] ?? 53);
const NOW = TEST_UNIX_TIME;

function stored(capacity?: number): StoredTickets {
  return new StoredTickets({ random: seededRandom(SEED), ...(capacity === undefined ? {} : { capacity }) });
}

function issue(tickets: StoredTickets, seed: number, unixTime = NOW, lifetime = DAY): Uint8Array {
  const session = serverSession(seed, { issuedAt: unixTime, expiresAt: unixTime + lifetime });
  return tickets.issue(session, unixTime) as Uint8Array;
}

test('a session comes back from its ticket as it was, and only once', () => {
  const tickets = stored();
  const issued = Array.from({ length: 10 }, (_, seed) => issue(tickets, seed));
  assert.is(new Set(issued.map(String)).size, 10);
  for (const [seed, ticket] of issued.entries()) {
    assert.is(ticket.length, 32);
    assert.equal(tickets.redeem(ticket, NOW + 1), serverSession(seed));
    assert.is(tickets.redeem(ticket, NOW + 1), undefined);
  }
  assert.is(tickets.size, 0);
});

test('what was handed in may change afterwards', () => {
  const tickets = stored();
  const session = serverSession(1);
  const ticket = tickets.issue(session, NOW) as Uint8Array;
  session.secret.fill(0);
  session.peerCertificate?.fill(0);
  assert.equal(tickets.redeem(ticket, NOW), serverSession(1));
});

test('an unknown, altered or cut ticket is none, and takes none away', () => {
  const tickets = stored();
  const ticket = issue(tickets, 1);
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < 1000; round++) {
    assert.is(tickets.redeem(random.bytes(random.integer(70)), NOW), undefined);
    assert.is(tickets.redeem(random.bytes(32), NOW), undefined);
  }
  for (let bit = 0; bit < 256; bit++) {
    const changed = ticket.slice();
    (changed[bit >> 3] as number) ^= 1 << (bit & 7);
    assert.is(tickets.redeem(changed, NOW), undefined);
  }
  for (let length = 0; length < 32; length++) assert.is(tickets.redeem(ticket.subarray(0, length), NOW), undefined);
  assert.is(tickets.redeem(Uint8Array.of(...ticket, 0), NOW), undefined);
  assert.is(tickets.redeem(new Uint8Array(65_535), NOW), undefined);
  assert.equal(tickets.redeem(ticket, NOW), serverSession(1));
});

test('when it is full the oldest ticket goes, used ones or not', () => {
  const tickets = stored(100);
  const issued: Uint8Array[] = [];
  const random = seededRandom(SEED + 2);
  const used = new Set<number>();
  for (let count = 0; count < 1000; count++) {
    issued.push(issue(tickets, count));
    assert.ok(tickets.size <= 100);
    // Now and then one of the last hundred is used.
    const picked = Math.max(0, count - 99) + random.integer(Math.min(100, count + 1));
    if (!random.chance(0.3) || used.has(picked)) continue;
    used.add(picked);
    assert.equal(
      tickets.redeem(issued[picked] as Uint8Array, NOW),
      serverSession(picked),
      `ticket ${picked} of ${count}`,
    );
  }
  for (const [index, ticket] of issued.entries()) {
    const isThere = index >= 900 && !used.has(index);
    assert.is(tickets.redeem(ticket, NOW) !== undefined, isThere, `ticket ${index}`);
  }
});

test('expired tickets are none, and make room without being asked for', () => {
  const tickets = stored();
  const expired = Array.from({ length: 500 }, (_, seed) => issue(tickets, seed, NOW, HOUR));
  assert.ok(tickets.redeem(expired[499] as Uint8Array, NOW + HOUR - 1));
  assert.is(tickets.redeem(expired[498] as Uint8Array, NOW + HOUR), undefined);
  for (let i = 0; i < 250; i++) issue(tickets, i, NOW + 2 * HOUR);
  assert.is(tickets.size, 250);
});

test('one that lives longer does not keep those behind it alive, only in memory', () => {
  const tickets = stored(10);
  const long = issue(tickets, 1, NOW, DAY);
  const short = issue(tickets, 2, NOW, HOUR);
  assert.is(tickets.redeem(short, NOW + HOUR), undefined);
  assert.ok(tickets.redeem(long, NOW + HOUR));
});

test('a ticket from a clock that was days ahead is none', () => {
  const tickets = stored();
  const ticket = issue(tickets, 1, NOW + 30 * DAY);
  assert.is(tickets.redeem(ticket, NOW), undefined);
});

test('a session that is too large gets no ticket; a capacity that is no number is refused', () => {
  const tickets = stored();
  assert.is(tickets.issue(serverSession(1, { peerCertificate: new Uint8Array(65_536) }), NOW), undefined);
  assert.is(tickets.size, 0);
  for (const capacity of [0, -1, 1.5, NaN, Infinity])
    assert.throws(() => stored(capacity), /"capacity" expected a positive integer/);
});

test.run();
