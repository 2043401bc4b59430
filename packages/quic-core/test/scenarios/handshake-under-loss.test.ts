/**
 * Handshakes on bad paths, each followed by a kilobyte in each direction: fifty of fifty succeed, with the default timeouts, and no loss of early
 * datagrams, whichever they are, leads to a deadlock.
 */
import { exchange, LINKS, type LinkPreset, stages } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const CONNECTIONS = 50;
const KILOBYTE = 1024;
const test = suite('handshake under loss');

function quantile(sorted: number[], share: number): string {
  return `${(sorted[Math.floor((sorted.length - 1) * share)]! / 1000).toFixed(2)} s`;
}

for (const preset of ['loss30', 'corrupt30'] satisfies LinkPreset[]) {
  test(`${CONNECTIONS} of ${CONNECTIONS} connections succeed under ${preset}`, () => {
    const times: number[] = [];
    for (let i = 0; i < CONNECTIONS; i++) {
      const { connectedMs, elapsedMs } = exchange({
        seed: SEED + i,
        scenario: `handshake under ${preset}`,
        link: LINKS[preset],
        up: KILOBYTE,
        down: KILOBYTE,
        limitMs: 60_000,
      });
      assert.ok(connectedMs < 10_000);
      times.push(elapsedMs);
    }
    times.sort((a, b) => a - b);
    console.log(
      `${preset}: done after ${quantile(times, 0.5)} (median), ${quantile(times, 0.9)}, ${quantile(times, 1)}`,
    );
  });
}

test('any of the first four datagrams of each side may be lost', () => {
  let slowest = 0;
  let slowestMask = 0;
  for (let mask = 0; mask < 256; mask++) {
    const lost = [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (mask >> bit) & 1);
    const up = lost.filter((bit) => bit < 4);
    const down = lost.filter((bit) => bit >= 4).map((bit) => bit - 4);
    let direction = 0;
    const { elapsedMs } = exchange({
      seed: SEED,
      scenario: `losing ${up} up and ${down} down`,
      link: () => [stages.dropNth(...(direction++ === 0 ? up : down)), stages.delay(15)],
      up: KILOBYTE,
      down: KILOBYTE,
      limitMs: 30_000,
    });
    if (elapsedMs > slowest) {
      slowest = elapsedMs;
      slowestMask = mask;
    }
  }
  console.log(`slowest: ${(slowest / 1000).toFixed(2)} s, losing 0b${slowestMask.toString(2).padStart(8, '0')}`);
  assert.ok(slowest < 15_000);
});

test('on a clean path it takes one round trip, and the data another', () => {
  const { connectedMs, elapsedMs, client, server } = exchange({
    seed: SEED,
    scenario: 'clean',
    link: () => [stages.delay(50)],
    up: KILOBYTE,
    down: KILOBYTE,
    limitMs: 1000,
  });
  assert.is(connectedMs, 100);
  // The last acknowledgement may wait for max_ack_delay.
  assert.ok(elapsedMs <= 300 + 25, `${elapsedMs}`);
  for (const side of [client, server]) {
    assert.is(side.stats().ptoCount, 0);
    assert.is(side.stats().packetsLost, 0);
  }
});

test.run();
