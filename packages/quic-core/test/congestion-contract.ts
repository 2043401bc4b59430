/** What every congestion controller must do, whatever its formula: RFC 9002 §7. Used by the test file of each controller. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CongestionController, CongestionControllerFactory } from '../src/congestion/controller.ts';

const SIZE = 1200;
const RTT = 50;

/** Registers and runs the suite. */
export function congestionContract(name: string, factory: CongestionControllerFactory): void {
  const test = suite(`congestion contract: ${name}`);

  test('has a name', () => {
    assert.ok(factory(SIZE).name.length > 0);
  });

  test('starts with the initial window of RFC 9002 §7.2', () => {
    assert.is(factory(1200).congestionWindow, 12_000);
    assert.is(factory(1472).congestionWindow, 14_720);
    assert.is(factory(4000).congestionWindow, 14_720);
    assert.is(factory(9000).congestionWindow, 18_000);
    assert.is(factory(1200).slowStartThreshold, Infinity);
  });

  test('doubles per round trip in slow start', () => {
    const c = factory(SIZE);
    const before = c.congestionWindow;
    ackWindow(c, 0, true);
    assert.is(c.congestionWindow, 2 * before);
  });

  test('does not grow when the window was not what held back', () => {
    const c = factory(SIZE);
    const before = c.congestionWindow;
    for (let round = 0; round < 10; round++) ackWindow(c, round * RTT, false);
    assert.is(c.congestionWindow, before);
    c.onCongestionEvent(1000, 1050);
    const reduced = c.congestionWindow;
    for (let round = 0; round < 10; round++) ackWindow(c, 2000 + round * RTT, false);
    assert.is(c.congestionWindow, reduced);
  });

  test('shrinks on loss and leaves slow start', () => {
    const c = factory(SIZE);
    const before = c.congestionWindow;
    c.onCongestionEvent(0, RTT);
    assert.ok(c.congestionWindow < before);
    assert.ok(c.congestionWindow >= 2 * SIZE);
    assert.ok(c.slowStartThreshold < Infinity);
  });

  test('reduces once per round trip', () => {
    const c = factory(SIZE);
    c.onCongestionEvent(0, 100);
    const once = c.congestionWindow;
    c.onCongestionEvent(50, 101);
    c.onCongestionEvent(100, 102);
    assert.is(c.congestionWindow, once, 'these were sent before the first reduction');
    c.onCongestionEvent(101, 160);
    assert.ok(c.congestionWindow < once);
  });

  test('does not grow for packets sent before the reduction', () => {
    const c = factory(SIZE);
    c.onCongestionEvent(0, 100);
    const reduced = c.congestionWindow;
    for (let i = 0; i < 100; i++) c.onPacketAcked(SIZE, 99, 110, true, RTT);
    assert.is(c.congestionWindow, reduced);
  });

  test('never falls below two datagrams', () => {
    const c = factory(SIZE);
    for (let i = 1; i < 100; i++) c.onCongestionEvent(i * 100, i * 100 + 50);
    assert.ok(c.congestionWindow >= 2 * SIZE);
    assert.ok(c.slowStartThreshold >= 2 * SIZE);
    c.onPersistentCongestion();
    assert.is(c.congestionWindow, 2 * SIZE);
  });

  test('grows back from the floor', () => {
    // A controller once stayed at two packets for ever after heavy loss early on.
    const c = factory(SIZE);
    for (let i = 1; i < 100; i++) c.onCongestionEvent(i * 100, i * 100 + 50);
    c.onPersistentCongestion();
    let now = 20_000;
    for (let round = 0; round < 200; round++) {
      ackWindow(c, now, true);
      now += RTT;
    }
    assert.ok(c.congestionWindow >= 20 * SIZE, `${c.congestionWindow} after 200 round trips`);
  });

  test('grows slower in congestion avoidance than in slow start', () => {
    const c = factory(SIZE);
    for (let round = 0; round < 5; round++) ackWindow(c, round * RTT, true);
    c.onCongestionEvent(5 * RTT, 6 * RTT);
    const before = c.congestionWindow;
    ackWindow(c, 7 * RTT, true);
    assert.ok(c.congestionWindow > before);
    assert.ok(c.congestionWindow < 1.5 * before);
  });

  test('follows the datagram size', () => {
    const fresh = factory(SIZE);
    fresh.onDatagramSizeChanged(1400);
    assert.is(fresh.congestionWindow, 14_000);
    const used = factory(1400);
    for (let round = 0; round < 4; round++) ackWindow(used, round * RTT, true);
    const before = used.congestionWindow;
    used.onDatagramSizeChanged(1452);
    assert.is(used.congestionWindow, before, 'a larger datagram is no reason to shrink');
    used.onDatagramSizeChanged(1200);
    assert.ok(used.congestionWindow >= 2400 && used.congestionWindow <= before);
    used.onPersistentCongestion();
    used.onDatagramSizeChanged(9000);
    assert.ok(used.congestionWindow >= 18_000);
  });

  test.run();
}

/** One round trip in which the whole window is sent at `now` and acknowledged. */
function ackWindow(c: CongestionController, now: number, isWindowLimited: boolean): void {
  const packets = Math.floor(c.congestionWindow / SIZE);
  for (let i = 0; i < packets; i++) c.onPacketSent(now, SIZE);
  for (let i = 0; i < packets; i++) c.onPacketAcked(SIZE, now, now + RTT, isWindowLimited, RTT);
}
