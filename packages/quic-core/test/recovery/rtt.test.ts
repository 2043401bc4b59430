import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { K_INITIAL_RTT, RttEstimator } from '../../src/recovery/rtt.ts';

const test = suite('rtt');

test('assumes 333 ms before the first sample', () => {
  const rtt = new RttEstimator();
  assert.is(rtt.smoothed, K_INITIAL_RTT);
  assert.is(rtt.rttvar, K_INITIAL_RTT / 2);
  assert.is(rtt.pto(0), 999);
  assert.not.ok(rtt.hasSample);
});

test('takes the first sample as it is, whatever the peer says of its delay', () => {
  const rtt = new RttEstimator();
  rtt.update(80, 30, false, 25);
  assert.is(rtt.smoothed, 80);
  assert.is(rtt.rttvar, 40);
  assert.is(rtt.min, 80);
  assert.is(rtt.pto(25), 80 + 160 + 25);
});

test('subtracts the delay, bounded by max_ack_delay once the handshake is confirmed', () => {
  const free = new RttEstimator();
  const bound = new RttEstimator();
  for (const rtt of [free, bound]) rtt.update(80, 0, false, 25);
  free.update(130, 50, false, 25);
  assert.is(free.smoothed, 80);
  bound.update(130, 50, true, 25);
  assert.is(bound.smoothed, 0.875 * 80 + 0.125 * 105);
  assert.is(bound.rttvar, 0.75 * 40 + 0.25 * 25);
});

test('never lets the delay take a sample below the minimum', () => {
  const rtt = new RttEstimator();
  rtt.update(80, 0, true, 25);
  rtt.update(90, 20, true, 25);
  assert.is(rtt.smoothed, 0.875 * 80 + 0.125 * 90);
});

test('measures the minimum without the delay', () => {
  const rtt = new RttEstimator();
  rtt.update(80, 0, true, 25);
  rtt.update(60, 10, true, 25);
  assert.is(rtt.min, 60);
  rtt.resetMin();
  rtt.update(100, 0, true, 25);
  assert.is(rtt.min, 100);
});

test('keeps the probe timeout above the timer granularity', () => {
  const rtt = new RttEstimator();
  for (let i = 0; i < 100; i++) rtt.update(10, 0, true, 25);
  assert.ok(rtt.pto(0) >= 11 && rtt.pto(0) < 11.001);
});

test.run();
