import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { K_PACKET_THRESHOLD, K_TIME_THRESHOLD, Reordering } from '../../src/recovery/reordering.ts';
import { Harness } from './harness.ts';

const test = suite('reordering');

test('starts with the thresholds of RFC 9002', () => {
  const reordering = new Reordering();
  assert.is(reordering.packetThreshold, 3);
  assert.is(reordering.timeThreshold, 9 / 8);
});

test('learns how many packets to wait for', () => {
  const reordering = new Reordering();
  reordering.onLost(10, 0);
  reordering.onAck([12, 18], 1, 17, 100, 50);
  assert.is(reordering.spuriousCount, 0, 'not that packet');
  reordering.onAck([10, 21], 1, 19, 100, 50);
  assert.is(reordering.spuriousCount, 1);
  assert.is(reordering.packetThreshold, 10);
  assert.is(reordering.timeThreshold, K_TIME_THRESHOLD);
  reordering.onAck([10, 21], 1, 20, 100, 50);
  assert.is(reordering.spuriousCount, 1, 'once');
});

test('learns how long to wait, up to two round trips', () => {
  const reordering = new Reordering();
  reordering.onLost(1, 0);
  reordering.onLost(2, 0);
  reordering.onAck([1, 2], 1, 1, 100, 150);
  assert.is(reordering.timeThreshold, 1.5);
  assert.is(reordering.packetThreshold, K_PACKET_THRESHOLD);
  reordering.onAck([1, 3], 1, 1, 100, 1000);
  assert.is(reordering.timeThreshold, 2);
});

test('looks into every range, remembers some, and stays within bounds', () => {
  const reordering = new Reordering();
  for (let pn = 0; pn < 1000; pn++) reordering.onLost(pn, 0);
  reordering.onAck([0, 900], 1, 5000, 100, 1);
  assert.is(reordering.spuriousCount, 0, 'those are forgotten');
  reordering.onAck([4000, 5000, 998, 999, 990, 991], 3, 5000, 100, 1);
  assert.is(reordering.spuriousCount, 2);
  assert.is(reordering.packetThreshold, 256);
  for (let pn = 1000; pn < 1032; pn++) reordering.onLost(pn, 0);
  reordering.onAck([1000, 1032], 1, 1100, 100, 1);
  assert.is(reordering.spuriousCount, 34);
});

test('a path that reorders stops costing window once it is known', () => {
  const h = new Harness();
  h.send(0, 10);
  h.ack(50, [[4, 9]]);
  assert.equal(h.lost, [0, 1, 2, 3]);
  h.ack(52, [[0, 9]]);
  assert.is(h.recovery.spuriousLosses, 4);
  const window = h.recovery.controller.congestionWindow;
  h.lost = [];
  h.send(100, 5);
  h.ack(150, [[14, 14]]);
  h.ack(152, [[10, 14]]);
  assert.equal(h.lost, []);
  assert.is.not(h.recovery.controller.congestionWindow, window / 2);
});

test('what is really lost is found by time', () => {
  const h = new Harness();
  h.send(0, 10);
  h.ack(50, [[4, 9]]);
  h.ack(52, [[0, 9]]);
  h.lost = [];
  h.send(100, 5);
  h.ack(150, [[14, 14]]);
  assert.ok(h.recovery.timeout() <= 100 + 2 * 50);
  h.recovery.onTimeout(h.recovery.timeout());
  assert.equal(h.lost, [10, 11, 12, 13]);
});

test.run();
