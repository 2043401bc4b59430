import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pacer } from '../../src/recovery/pacer.ts';

const SIZE = 1200;
const test = suite('pacer');

/** Sends as much as the pacer allows from 0 to `until`. @returns bytes, and the most that left at one instant */
function drain(pacer: Pacer, until: number): { bytes: number; largestBurst: number } {
  let now = 0;
  let bytes = 0;
  let burst = 0;
  let largestBurst = 0;
  while (now <= until) {
    const next = pacer.nextSendTime(now);
    if (next > now) {
      now = next;
      burst = 0;
      continue;
    }
    pacer.onPacketSent(SIZE, now);
    bytes += SIZE;
    burst += SIZE;
    largestBurst = Math.max(largestBurst, burst);
  }
  return { bytes, largestBurst };
}

test('never holds back before a round trip was measured', () => {
  const pacer = new Pacer(SIZE);
  for (let i = 0; i < 10_000; i++) {
    assert.is(pacer.nextSendTime(0), 0);
    pacer.onPacketSent(SIZE, 0);
  }
});

test('lets a window and a quarter leave per round trip', () => {
  const pacer = new Pacer(SIZE);
  const window = 1000 * SIZE;
  pacer.setRate(window, 100, false, 0);
  const { bytes } = drain(pacer, 1000);
  const expected = 1.25 * window * 10;
  assert.ok(Math.abs(bytes - expected) < 0.02 * expected, `sent ${bytes}, expected ${expected}`);
});

test('lets two windows leave per round trip in slow start', () => {
  const pacer = new Pacer(SIZE);
  const window = 1000 * SIZE;
  pacer.setRate(window, 100, true, 0);
  const { bytes } = drain(pacer, 1000);
  assert.ok(Math.abs(bytes - 20 * window) < 0.4 * window);
});

test('allows ten datagrams at once at any rate', () => {
  const pacer = new Pacer(SIZE);
  pacer.setRate(2 * SIZE, 1000, false, 0);
  assert.is(drain(pacer, 0).largestBurst, 10 * SIZE);
});

test('bounds a burst by 2 ms of the rate, and by 256 datagrams', () => {
  const pacer = new Pacer(SIZE);
  pacer.setRate(1000 * SIZE, 25, false, 0); // 50 datagrams per ms
  assert.is(pacer.burst, 100 * SIZE);
  pacer.setRate(1000 * SIZE, 1, false, 0);
  assert.is(pacer.burst, 256 * SIZE);
});

test('does not save up while idle', () => {
  const pacer = new Pacer(SIZE);
  pacer.setRate(100 * SIZE, 100, false, 0);
  let sent = 0;
  while (pacer.nextSendTime(60_000) === 0) {
    pacer.onPacketSent(SIZE, 60_000);
    sent++;
  }
  assert.is(sent, 10);
});

test('asks to come back after 1 ms at the earliest', () => {
  const pacer = new Pacer(SIZE);
  pacer.setRate(10_000 * SIZE, 10, false, 0);
  while (pacer.nextSendTime(5) === 0) pacer.onPacketSent(SIZE, 5);
  assert.is(pacer.nextSendTime(5), 6);
});

test('survives a round trip of zero', () => {
  const pacer = new Pacer(SIZE);
  pacer.setRate(10 * SIZE, 0, false, 0);
  while (pacer.nextSendTime(0) === 0) pacer.onPacketSent(SIZE, 0);
  assert.is(pacer.nextSendTime(1), 0);
});

test.run();
