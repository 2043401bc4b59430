import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Harness, SIZE } from './harness.ts';

const test = suite('persistent congestion');

/**
 * One sample of 100 ms; then packets at the given times of which the last is acknowledged 100 ms after it was sent. PTO is 100 + 4 * 50 + 25 = 325 ms before
 * that sample, and 100 + 4 * 37.5 + 25 = 275 after it, so the duration is 825 ms.
 */
function outage(times: number[], acked: number[] = []): Harness {
  const h = new Harness();
  h.send(0, 1);
  h.ack(100, [[0, 0]]);
  for (const time of times) {
    h.send(time, 1);
    if (acked.includes(time)) h.ack(time, [[h.next[2] - 1, h.next[2] - 1]]);
  }
  const last = h.next[2] - 1;
  h.ack(times.at(-1)! + 100, [[last, last]]);
  return h;
}

const collapsed = (h: Harness): boolean => h.recovery.controller.congestionWindow === 2 * SIZE;

test('collapses the window when all was lost for three probe timeouts', () => {
  const h = outage([200, 300, 1100, 1200]);
  assert.is(h.recovery.packetsLost, 3);
  assert.ok(collapsed(h));
});

test('does not for a shorter outage', () => {
  const h = outage([200, 300, 1000, 1200]);
  assert.is(h.recovery.packetsLost, 3);
  assert.not.ok(collapsed(h));
  assert.is(h.recovery.controller.congestionWindow, 5 * SIZE);
});

test('does not when something between arrived', () => {
  const h = new Harness();
  h.send(0, 1);
  h.ack(100, [[0, 0]]);
  for (const time of [200, 600, 1100, 1200]) h.send(time, 1);
  h.ack(1300, [
    [4, 4],
    [2, 2],
  ]);
  assert.equal(h.lost, [1, 3]);
  assert.not.ok(collapsed(h));
});

test('does not count packets sent before the first round-trip sample', () => {
  const h = new Harness();
  h.send(0, 1);
  h.send(5000, 1);
  h.send(9000, 1);
  h.send(9001, 3);
  h.ack(9100, [[5, 5]]);
  assert.is(h.recovery.packetsLost, 3);
  assert.not.ok(collapsed(h));
});

test('does not count packets that only acknowledge', () => {
  const h = new Harness();
  h.send(0, 1);
  h.ack(100, [[0, 0]]);
  h.send(200, 1, { ackOnly: true });
  h.send(1100, 1);
  h.send(1200, 1);
  h.ack(1300, [[3, 3]]);
  assert.not.ok(collapsed(h));
});

test('takes the minimum of the round trip anew', () => {
  const h = outage([200, 300, 1100, 1200]);
  h.send(2000, 1);
  h.ack(2500, [[5, 5]]);
  assert.is(h.recovery.rtt.min, 500);
});

test('the window grows back from two datagrams', () => {
  const h = outage([200, 300, 1100, 1200]);
  let now = 2000;
  for (let round = 0; round < 10; round++) {
    const first = h.next[2];
    while (h.recovery.canSend() >= SIZE) h.send(now, 1);
    now += 100;
    h.ack(now, [[first, h.next[2] - 1]]);
  }
  // To the threshold that the loss had left, half of ten, in slow start; one per round trip after that.
  assert.ok(h.recovery.controller.congestionWindow >= 12 * SIZE);
});

test.run();
