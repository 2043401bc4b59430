import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_ACK_RANGES } from '../../src/limits.ts';
import { AckTracker } from '../../src/recovery/ack-tracker.ts';
import { Space } from '../../src/recovery/spaces.ts';

const test = suite('ack tracker');

test('owes nothing for packets that elicit no ACK', () => {
  const acks = new AckTracker(Space.APPLICATION);
  for (let pn = 0; pn < 10; pn++) acks.onPacketReceived(pn, false, 100);
  assert.is(acks.ackDeadline, Infinity);
  assert.not.ok(acks.shouldBundle);
  assert.is(acks.ranges.largest, 9);
});

test('acknowledges Initial and Handshake packets at once', () => {
  for (const space of [Space.INITIAL, Space.HANDSHAKE]) {
    const acks = new AckTracker(space);
    acks.onPacketReceived(0, true, 100);
    assert.is(acks.ackDeadline, 100);
  }
});

test('waits for a second ack-eliciting packet, at most max_ack_delay', () => {
  const acks = new AckTracker(Space.APPLICATION, 25);
  acks.onPacketReceived(0, true, 100);
  assert.is(acks.ackDeadline, 125);
  assert.ok(acks.shouldBundle);
  acks.onPacketReceived(1, false, 105);
  assert.is(acks.ackDeadline, 125);
  acks.onPacketReceived(2, true, 110);
  assert.is(acks.ackDeadline, 110);
  acks.onAckSent(2, 110);
  assert.is(acks.ackDeadline, Infinity);
  assert.not.ok(acks.shouldBundle);
  acks.onPacketReceived(3, true, 120);
  assert.is(acks.ackDeadline, 145);
});

test('acknowledges at once when a packet leaves a gap', () => {
  const acks = new AckTracker(Space.APPLICATION);
  acks.onPacketReceived(0, true, 100);
  acks.onAckSent(0, 100);
  acks.onPacketReceived(2, true, 101);
  assert.is(acks.ackDeadline, 101);
  acks.onAckSent(2, 101);
  // The old gap is known by now.
  acks.onPacketReceived(3, true, 102);
  assert.is(acks.ackDeadline, 127);
});

test('acknowledges at once when a packet comes late', () => {
  const acks = new AckTracker(Space.APPLICATION);
  for (const pn of [0, 1, 3]) acks.onPacketReceived(pn, true, 100);
  acks.onAckSent(3, 100);
  acks.onPacketReceived(2, true, 101);
  assert.is(acks.ackDeadline, 101);
});

test('sees a gap also after everything older was forgotten', () => {
  const acks = new AckTracker(Space.APPLICATION);
  acks.onPacketReceived(0, true, 100);
  acks.onAckSent(0, 100);
  acks.onAckAcked(0);
  assert.is(acks.ranges.count, 0);
  acks.onPacketReceived(2, true, 101);
  assert.is(acks.ackDeadline, 101);
});

test('starts at any packet number without calling it a gap', () => {
  const acks = new AckTracker(Space.APPLICATION);
  acks.onPacketReceived(17, true, 100);
  assert.is(acks.ackDeadline, 125);
});

test('knows duplicates, the forgotten ones too', () => {
  const acks = new AckTracker(Space.APPLICATION);
  for (const pn of [0, 1, 5, 6]) acks.onPacketReceived(pn, true, 100);
  assert.ok(acks.isDuplicate(1));
  assert.not.ok(acks.isDuplicate(3));
  acks.onAckSent(6, 100);
  acks.onAckAcked(6);
  assert.is(acks.ranges.count, 0);
  for (const pn of [0, 3, 6]) assert.ok(acks.isDuplicate(pn));
  assert.not.ok(acks.isDuplicate(7));
});

test('does not forget what no ACK has reported yet', () => {
  const acks = new AckTracker(Space.APPLICATION);
  for (const pn of [0, 1, 5]) acks.onPacketReceived(pn, true, 100);
  acks.onAckSent(5, 100);
  acks.onPacketReceived(3, true, 110);
  acks.onAckAcked(5);
  assert.ok(acks.ranges.contains(3));
  assert.not.ok(acks.ranges.contains(1));
  assert.ok(acks.isDuplicate(2));
  assert.not.ok(acks.isDuplicate(4));
  acks.onAckSent(5, 110);
  acks.onAckAcked(5);
  assert.is(acks.ranges.count, 0);
});

test('an old ACK that is acknowledged late does not bring numbers back', () => {
  const acks = new AckTracker(Space.APPLICATION);
  for (let pn = 0; pn < 8; pn++) acks.onPacketReceived(pn, true, 100);
  acks.onAckSent(7, 100);
  acks.onAckAcked(7);
  acks.onAckAcked(3);
  assert.ok(acks.isDuplicate(7));
});

test('keeps a bounded number of ranges, the highest, and accepts nothing below them', () => {
  const acks = new AckTracker(Space.APPLICATION);
  for (let i = 0; i < 10 * MAX_ACK_RANGES; i++) acks.onPacketReceived(2 * i, true, 100);
  assert.is(acks.ranges.count, MAX_ACK_RANGES);
  assert.is(acks.ranges.largest, 2 * (10 * MAX_ACK_RANGES - 1));
  assert.ok(acks.isDuplicate(1));
  assert.not.ok(acks.isDuplicate(acks.ranges.smallest + 1));
});

test('reports how long the newest packet has waited', () => {
  const acks = new AckTracker(Space.APPLICATION);
  acks.onPacketReceived(5, true, 100);
  acks.onPacketReceived(3, true, 107);
  assert.is(acks.largestReceivedTime, 100);
  assert.is(acks.ackDelayUs(110.5), 10_500);
  assert.is(acks.ackDelayUs(99), 0);
});

test.run();
