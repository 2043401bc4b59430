import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, seededRandom } from '@mquictt/testkit';
import { StrikeRegister } from '../../src/index.ts';
import type { StrikeRegisterOptions } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { MAX_TICKET_AGE_SKEW } from '../../src/limits.ts';
import { PROVIDERS } from '../support/sample-sessions.ts';

const test = suite('strike register');
const SEED = Number(process.env['SEED'] ?? 54);
const START = TEST_UNIX_TIME;
const WINDOW = 2 * MAX_TICKET_AGE_SKEW;

function register(overrides: Partial<StrikeRegisterOptions> = {}): StrikeRegister {
  return new StrikeRegister({ provider: nodeProvider, unixTime: START, ...overrides });
}

for (const provider of PROVIDERS)
  test(`a ticket gets in once, another one beside it as well (${provider.name})`, () => {
    const guard = register({ provider });
    const random = seededRandom(SEED);
    for (let i = 0; i < 50; i++) {
      const ticket = random.bytes(1 + random.integer(300));
      assert.is(guard.admit(ticket, START + WINDOW + i), true);
      assert.is(guard.admit(ticket.slice(), START + WINDOW + i), false);
    }
  });

test('nothing gets in for a window after the start, as nobody knows what got in before', () => {
  const guard = register();
  for (const after of [0, 1, WINDOW / 2, WINDOW - 1])
    assert.is(guard.admit(Uint8Array.of(after & 0xff, 1), START + after), false);
  assert.is(guard.admit(Uint8Array.of(1), START + WINDOW), true);
  // Also where the first question comes late.
  assert.is(register().admit(Uint8Array.of(1), START + 1e9), true);
});

test('a ticket is remembered for as long as a replay of its ClientHello could be fresh', () => {
  // Whatever the moment within a generation.
  for (let offset = 0; offset < 2 * WINDOW; offset += 1000) {
    const guard = register();
    guard.admit(Uint8Array.of(0), START + WINDOW);
    const first = START + WINDOW + offset;
    assert.is(guard.admit(Uint8Array.of(1), first), true);
    for (let later = 0; later <= WINDOW; later += 500) {
      guard.admit(Uint8Array.of(2, later & 0xff, later >> 8), first + later);
      assert.is(guard.admit(Uint8Array.of(1), first + later), false, `${later} ms after the first`);
    }
  }
});

test('under a steady clock, what is new is never refused, and what is old is forgotten', () => {
  const guard = register();
  const random = seededRandom(SEED);
  let now = START + WINDOW;
  for (let i = 0; i < 20_000; i++) {
    assert.is(guard.admit(random.bytes(16), now), true);
    now += random.integer(20);
    assert.ok(guard.size < (2 * WINDOW) / 8, `${guard.size} remembered`);
  }
});

test('under any clock, also one that jumps back and forth, no ClientHello gets in twice', () => {
  for (let run = 0; run < 60; run++) {
    const random = seededRandom(SEED * 1000 + run);
    const guard = register();
    const admitted = new Set<number>();
    /** Moments that ClientHellos name; each comes with a ticket of its own. */
    const hellos: number[] = [];
    let now = START;
    let sum = 0;
    for (let step = 0; step < 2000; step++) {
      if (random.chance(0.97)) now += random.integer(2000);
      else now += (random.chance(0.6) ? -1 : 1) * random.integer(random.pick([5000, 60_000, 300_000]));
      hellos.push(now + random.integer(WINDOW + 1) - MAX_TICKET_AGE_SKEW);
      // The one of this moment, and replays of any that is fresh.
      for (let id = Math.max(0, hellos.length - 300); id < hellos.length; id++) {
        if (Math.abs(now - (hellos[id] as number)) > MAX_TICKET_AGE_SKEW) continue;
        if (!guard.admit(Uint8Array.of(id >> 8, id & 0xff), now)) continue;
        assert.not.ok(admitted.has(id), `seed ${SEED}, run ${run}, step ${step}: ClientHello ${id} got in twice`);
        admitted.add(id);
        sum++;
      }
    }
    assert.ok(sum > 100, `only ${sum} got in, which shows nothing`);
  }
});

test('after the clock was set back nothing gets in until it has caught up', () => {
  const guard = register();
  const hour = 3_600_000;
  assert.is(guard.admit(Uint8Array.of(1), START + hour), true);
  assert.is(guard.admit(Uint8Array.of(2), START + hour + 2 * WINDOW), true);
  assert.is(guard.admit(Uint8Array.of(3), START + hour + 4 * WINDOW), true);
  for (const time of [START, START + hour - 1, START + hour, START + hour + WINDOW])
    assert.is(guard.admit(Uint8Array.of(4), time), false);
  assert.is(guard.admit(Uint8Array.of(4), START + hour + 4 * WINDOW + 1), true);
});

test('when it is full, early data is refused and no ticket forgotten', () => {
  const guard = register({ capacity: 100 });
  const ticket = (i: number): Uint8Array => Uint8Array.of(i >> 8, i & 0xff);
  const at = START + WINDOW;
  for (let i = 0; i < 100; i++) assert.is(guard.admit(ticket(i), at), true);
  for (let i = 0; i < 300; i++) assert.is(guard.admit(ticket(i), at + WINDOW - 1), false);
  // The next window has room, and still knows the last.
  for (let i = 0; i < 100; i++) assert.is(guard.admit(ticket(i), at + WINDOW), false);
  for (let i = 100; i < 200; i++) assert.is(guard.admit(ticket(i), at + WINDOW), true);
  assert.is(guard.admit(ticket(200), at + WINDOW), false);
  assert.is(guard.size, 200);
});

test('a time or a capacity that is none is refused', () => {
  for (const capacity of [0, 1.5, NaN]) assert.throws(() => register({ capacity }), /"capacity" expected/);
  assert.throws(() => register({ unixTime: NaN }), /"unixTime" expected/);
});

test.run();
