import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newReno } from '../../src/congestion/new-reno.ts';
import { congestionContract } from '../congestion-contract.ts';

const SIZE = 1200;
const test = suite('new reno');

test('halves on loss', () => {
  const c = newReno(SIZE);
  c.onCongestionEvent(0, 50);
  assert.is(c.congestionWindow, 6000);
  assert.is(c.slowStartThreshold, 6000);
});

test('adds one datagram per window acknowledged in congestion avoidance', () => {
  const c = newReno(SIZE);
  c.onCongestionEvent(0, 50);
  for (let i = 0; i < 4; i++) c.onPacketAcked(SIZE, 60, 110, true, 50);
  assert.is(c.congestionWindow, 6000);
  c.onPacketAcked(SIZE, 60, 110, true, 50);
  assert.is(c.congestionWindow, 7200);
});

test('returns to slow start after persistent congestion, up to the threshold', () => {
  const c = newReno(SIZE);
  c.onCongestionEvent(0, 50);
  c.onPersistentCongestion();
  // RFC 9002 B.8: the recovery period is over, so that packets sent before count again.
  for (let i = 0; i < 3; i++) c.onPacketAcked(SIZE, 40, 110, true, 50);
  assert.is(c.congestionWindow, 6000);
  c.onPacketAcked(SIZE, 40, 110, true, 50);
  assert.is(c.congestionWindow, 6000);
});

test.run();
congestionContract('new reno', newReno);
