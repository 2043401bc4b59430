/**
 * Short exchanges over paths that do several bad things at once, for a number of seeds each. SEEDS=1000 makes a long run of it, and what that finds is
 * fixed and stays as a test of its own.
 */
import { portableProtector } from '@mquictt/quic-core';
import { exchange, type Stage, stages } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const SEED = Number(process.env['SEED'] ?? 1);
const SEEDS = Number(process.env['SEEDS'] ?? 8);
console.log(`SEED=${SEED} SEEDS=${SEEDS}`);

const { blackhole, corrupt, delay, duplicate, jitter, loss, rate, reorder } = stages;
const test = suite('mixed paths');

const PATHS: Readonly<Record<string, () => Stage[]>> = {
  'no delay at all': () => [],
  'loss, damage, copies and jitter': () => [
    loss(0.1),
    corrupt(0.05, 1200),
    duplicate(0.1),
    jitter(10),
    rate(5_000_000, 20),
    delay(10),
  ],
  '40 % loss': () => [loss(0.4, 5), delay(20)],
  '100 kbit/s with a queue of five': () => [rate(100_000, 5), delay(200)],
  'a satellite': () => [loss(0.005), rate(20_000_000, 200), delay(300)],
  'half of it twice and late': () => [duplicate(0.5, 40), reorder(0.3, 30), delay(5)],
  'damage anywhere': () => [corrupt(0.3, 1200), delay(5)],
  'an outage of 200 ms every 300': () => [blackhole(200, 300), delay(30)],
};

for (const [name, link] of Object.entries(PATHS)) {
  test(name, () => {
    let slowest = 0;
    for (let seed = SEED; seed < SEED + SEEDS; seed++) {
      const { elapsedMs } = exchange({
        seed,
        scenario: name,
        link,
        up: 60_000,
        down: 60_000,
        limitMs: 1_200_000,
        transport: { handshakeTimeout: 300_000, maxIdleTimeout: 300_000 },
      });
      slowest = Math.max(slowest, elapsedMs);
    }
    console.log(`${name}: ${(slowest / 1000).toFixed(2)} virtual s at most`);
  });
}

test('with real packet protection', () => {
  for (let seed = SEED; seed < SEED + 5; seed++) {
    exchange({
      seed,
      scenario: 'real protection',
      link: PATHS['loss, damage, copies and jitter']!,
      up: 20_000,
      down: 20_000,
      limitMs: 60_000,
      protector: portableProtector,
    });
  }
});

test('a Finished that is lost behind a full window', () => {
  // The client's Handshake packets vanish for a while; its 1-RTT packets fill the window and cannot be acknowledged yet.
  const { elapsedMs } = exchange({
    seed: SEED,
    scenario: 'lost Finished',
    link: () => {
      let handshakes = 0;
      return [
        stages.dropIf((bytes) => (bytes[0]! & 0xf0) === 0xe0 && bytes.length > 60 && handshakes++ < 3),
        delay(15),
      ];
    },
    up: 60_000,
    down: 60_000,
    limitMs: 60_000,
  });
  assert.ok(elapsedMs < 10_000);
});

test.run();
