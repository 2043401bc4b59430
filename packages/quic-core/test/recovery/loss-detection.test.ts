import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportError, TransportErrorCode } from '../../src/errors.ts';
import { MAX_ACK_ONLY_PACKETS, MAX_SENT_PACKETS, MAX_SKIPPED_PACKET_NUMBERS } from '../../src/limits.ts';
import { Carried } from '../../src/recovery/sent-packet.ts';
import { Space } from '../../src/recovery/spaces.ts';
import { Harness, SIZE } from './harness.ts';

const test = suite('loss detection');

const isViolation = (error: Error): boolean =>
  error instanceof TransportError && error.errorCode === TransportErrorCode.PROTOCOL_VIOLATION;

test('reports what arrived, in the order of packet numbers, once', () => {
  const h = new Harness();
  h.send(0, 10);
  assert.is(h.recovery.bytesInFlight, 10 * SIZE);
  assert.ok(h.ack(50, [[7, 9]]) && h.acked.length === 3);
  h.acked = [];
  h.lost = [];
  assert.not.ok(h.ack(51, [[7, 9]]));
  assert.equal(h.acked, []);
});

test('walks several ranges from the oldest to the newest', () => {
  const h = new Harness();
  h.send(0, 8);
  h.ack(50, [
    [6, 7],
    [2, 4],
    [0, 0],
  ]);
  assert.equal(h.acked, [0, 2, 3, 4, 6, 7]);
});

test('declares a packet lost when one sent three later arrived', () => {
  const h = new Harness();
  h.send(0, 4);
  h.ack(50, [[2, 2]]);
  assert.equal(h.lost, []);
  h.ack(51, [[3, 3]]);
  assert.equal(h.lost, [0]);
  assert.is(h.recovery.bytesInFlight, SIZE);
  assert.is(h.recovery.packetsLost, 1);
});

test('declares a packet lost 9/8 of a round trip after it was sent, by timer', () => {
  const h = new Harness();
  h.send(0, 2);
  h.ack(80, [[1, 1]]);
  assert.equal(h.lost, []);
  assert.is(h.recovery.timeout(), 90);
  assert.is(h.recovery.onTimeout(89.9), 'none');
  assert.is(h.recovery.onTimeout(90), 'loss');
  assert.equal(h.lost, [0]);
  assert.is(h.recovery.timeout(), Infinity);
  assert.is(h.recovery.bytesInFlight, 0);
});

test('a loss timer that fires on its deadline always finds its packet, whatever the rounding', () => {
  for (let i = 0; i < 200; i++) {
    const h = new Harness();
    const start = i * 0.1 + 1 / 3;
    h.send(start, 2);
    h.ack(start + 7.7 + i / 7, [[1, 1]]);
    assert.is(h.recovery.onTimeout(h.recovery.timeout()), 'loss');
    assert.equal(h.lost, [0]);
  }
});

test('waits at least the timer granularity', () => {
  const h = new Harness();
  h.send(10, 2);
  h.ack(10.1, [[1, 1]]);
  assert.is(h.recovery.timeout(), 11);
});

test('sets no timer for packets that only acknowledge', () => {
  const h = new Harness();
  h.send(0, 1, { ackOnly: true });
  h.send(0, 1);
  h.ack(80, [[1, 1]]);
  assert.is(h.recovery.timeout(), Infinity);
});

test('packets sent after the largest acknowledged are not judged', () => {
  const h = new Harness();
  h.send(0, 1);
  h.send(1, 20);
  h.ack(1000, [[0, 0]]);
  assert.equal(h.lost, []);
});

test('tolerates the late acknowledgement of a packet declared lost', () => {
  const h = new Harness();
  h.send(0, 5);
  h.ack(50, [[4, 4]]);
  assert.equal(h.lost, [0, 1]);
  assert.not.ok(h.ack(51, [[4, 4], [0, 1]])); // prettier-ignore
  assert.equal(h.acked, [4]);
  assert.is(h.recovery.bytesInFlight, 2 * SIZE);
});

test('measures the round trip from the largest, when it is new and something ack-eliciting arrived', () => {
  const h = new Harness();
  h.send(0, 1);
  h.send(100, 1);
  h.ack(130, [[0, 1]]);
  assert.is(h.recovery.rtt.latest, 30);
  h.send(200, 3);
  h.ack(240, [[4, 4]]);
  assert.is(h.recovery.rtt.latest, 40);
  h.ack(290, [[2, 4]]);
  assert.is(h.recovery.rtt.latest, 40);
  h.send(300, 1, { ackOnly: true });
  h.ack(400, [[5, 5]]);
  assert.is(h.recovery.rtt.latest, 40);
});

test('ignores the ACK delay of Initial packets', () => {
  const h = new Harness({ confirmed: false });
  h.send(0, 1, { space: Space.INITIAL });
  h.ack(50, [[0, 0]], { space: Space.INITIAL });
  h.send(100, 1, { space: Space.INITIAL });
  h.ack(200, [[1, 1]], { space: Space.INITIAL, ackDelay: 40 });
  assert.is(h.recovery.rtt.smoothed, 0.875 * 50 + 0.125 * 100);
});

test('takes no sample from an acknowledgement that is mostly the waiting of the peer', () => {
  // What a probe repeats, after the first ACK was lost.
  const h = new Harness();
  h.send(0, 1);
  h.ack(1050, [[0, 0]], { ackDelay: 1000 });
  assert.not.ok(h.recovery.rtt.hasSample);
  h.send(2000, 1);
  h.ack(2090, [[1, 1]], { ackDelay: 40 });
  assert.is(h.recovery.rtt.latest, 90);
});

test('does not count packets that only acknowledge as in flight, nor their loss as congestion', () => {
  const h = new Harness();
  h.send(0, 5, { ackOnly: true });
  assert.is(h.recovery.bytesInFlight, 0);
  assert.is(h.recovery.timeout(), Infinity);
  const window = h.recovery.controller.congestionWindow;
  h.send(0, 1);
  h.ack(50, [[5, 5]]);
  assert.equal(h.lost, [0, 1, 2]);
  assert.is(h.recovery.packetsLost, 0);
  assert.is(h.recovery.controller.congestionWindow, window);
});

test('tells the host which ACK frame arrived', () => {
  const h = new Harness();
  const packet = h.recovery.sentPacket(Space.HANDSHAKE, 0);
  packet.carry(Carried.ACK, 17, 0, 0);
  packet.timeSent = 5;
  h.recovery.onPacketSent(Space.HANDSHAKE, packet, 5);
  const heard: number[][] = [];
  h.onAcked = (space, kind, a) => heard.push([space, kind, a]);
  h.ack(10, [[0, 0]], { space: Space.HANDSHAKE });
  assert.equal(heard, [[Space.HANDSHAKE, Carried.ACK, 17]]);
});

test('reduces the window once per round trip', () => {
  const h = new Harness();
  const window = h.recovery.controller.congestionWindow;
  h.send(0, 10);
  h.ack(50, [[4, 4]]);
  h.ack(51, [[6, 6]]);
  h.ack(52, [[9, 9]]);
  assert.is(h.recovery.packetsLost, 5);
  assert.is(h.recovery.controller.congestionWindow, window / 2);
  h.send(60, 5);
  h.ack(110, [[14, 14]]);
  assert.is(h.recovery.controller.congestionWindow, window / 4);
});

test('the window grows for every packet that was in flight while it was full', () => {
  const h = new Harness();
  const window = h.recovery.controller.congestionWindow;
  h.send(0, 10);
  h.ack(50, [[0, 9]]);
  assert.is(h.recovery.controller.congestionWindow, 2 * window);
  h.send(60, 10);
  h.ack(110, [[10, 19]]);
  assert.is(h.recovery.controller.congestionWindow, 2 * window, 'half a window was used');
});

test('canSend() is what the window leaves', () => {
  const h = new Harness();
  assert.is(h.recovery.canSend(), 10 * SIZE);
  h.send(0, 9);
  assert.is(h.recovery.canSend(), SIZE);
  h.send(0, 2);
  assert.is(h.recovery.canSend(), 0);
});

test('refuses the acknowledgement of a packet that was never sent', () => {
  const h = new Harness();
  h.send(0, 3);
  assert.throws(() => h.ack(50, [[0, 3]]), isViolation);
  assert.throws(() => h.ack(50, [[0, 0]], { space: Space.INITIAL }), isViolation);
  assert.equal(h.acked, []);
  // A record whose packet was not sent yet does not count as sent.
  h.recovery.sentPacket(Space.APPLICATION, 3);
  assert.throws(() => h.ack(50, [[3, 3]]), isViolation);
});

test('refuses the acknowledgement of a number that was skipped', () => {
  const h = new Harness();
  h.send(0, 3);
  h.recovery.skip(Space.APPLICATION, h.next[2]++);
  assert.throws(() => h.ack(50, [[3, 3]]), isViolation);
  h.send(0, 3);
  assert.ok(h.ack(50, [[4, 6], [0, 2]])); // prettier-ignore
  assert.throws(() => h.ack(51, [[0, 6]]), isViolation);
});

test('remembers a bounded number of skipped numbers', () => {
  const h = new Harness();
  for (let i = 0; i < 3 * MAX_SKIPPED_PACKET_NUMBERS; i++) {
    h.recovery.skip(Space.APPLICATION, h.next[2]++);
    h.send(0, 1, { ackOnly: true });
  }
  const newest = h.next[2] - 1;
  assert.throws(() => h.ack(1, [[newest - 1, newest]]), isViolation);
});

test('a skipped number does not look like an acknowledged one', () => {
  // Otherwise it would hide persistent congestion.
  const h = new Harness();
  h.send(0, 1);
  h.ack(10, [[0, 0]]);
  h.send(20, 1);
  h.recovery.skip(Space.APPLICATION, h.next[2]++);
  h.send(1000, 1);
  h.send(1001, 4);
  h.ack(1011, [[7, 7]]);
  assert.is(h.recovery.controller.congestionWindow, 2 * SIZE);
});

test('forgets old records of packets that only acknowledge', () => {
  const h = new Harness();
  for (let i = 0; i < 10 * MAX_ACK_ONLY_PACKETS; i++) h.send(i, 1, { ackOnly: true });
  const newest = h.next[2] - 1;
  h.ack(newest, [[0, newest]]);
  assert.is(h.acked.length, MAX_ACK_ONLY_PACKETS);
});

test('gives up a packet that fell too far behind a flood of others', () => {
  const h = new Harness();
  h.send(0, 1);
  for (let i = 0; i < MAX_SENT_PACKETS - 1; i++) h.send(1, 1, { ackOnly: true });
  assert.is(h.recovery.canSend(), 0, 'no new data at the limit');
  assert.ok(h.recovery.timeout() > 1);
  h.send(1, 1, { ackOnly: true });
  assert.is(h.recovery.timeout(), 1);
  assert.is(h.recovery.onTimeout(1), 'loss');
  assert.equal(h.lost, [0]);
  h.send(2, 1, { ackOnly: true });
  assert.ok(h.recovery.canSend() > 0);
});

test('dropping keys takes their packets out of flight and says nothing of them', () => {
  const h = new Harness({ confirmed: false });
  h.send(0, 2, { space: Space.INITIAL });
  h.send(0, 3, { space: Space.HANDSHAKE });
  h.recovery.onTimeout(h.recovery.timeout());
  assert.is(h.recovery.ptoCount, 1);
  const window = h.recovery.controller.congestionWindow;
  h.recovery.discardSpace(Space.INITIAL, 2000);
  assert.is(h.recovery.bytesInFlight, 3 * SIZE);
  assert.is(h.recovery.ptoCount, 0);
  assert.is(h.recovery.ptoProbes[Space.INITIAL], 0);
  assert.is(h.recovery.controller.congestionWindow, window);
  assert.equal([h.acked, h.lost], [[], []]);
  assert.not.ok(h.ack(2001, [[0, 1]], { space: Space.INITIAL }), 'late packets of that space are nothing');
});

test('keys may be dropped while acknowledgements are being reported', () => {
  const h = new Harness({ confirmed: false });
  h.send(0, 3, { space: Space.HANDSHAKE });
  h.onAckedHook = (space) => h.recovery.discardSpace(space, 50);
  h.ack(50, [[0, 0]], { space: Space.HANDSHAKE });
  assert.is(h.recovery.bytesInFlight, 0);
  assert.is(h.recovery.canSend(), h.recovery.controller.congestionWindow);
});

test('Retry sends everything again, keeps counting and starts recovery over', () => {
  const h = new Harness({ confirmed: false });
  h.send(0, 1, { space: Space.INITIAL });
  h.send(0, 2);
  h.recovery.resetForRetry(40);
  assert.equal(h.lost, [0, 0, 1]);
  assert.is(h.recovery.bytesInFlight, 0);
  assert.is(h.recovery.packetsLost, 0);
  assert.is(h.recovery.rtt.smoothed, 40);
  assert.is(h.recovery.controller.congestionWindow, 10 * SIZE);
  assert.is(h.send(41, 1, { space: Space.INITIAL }), 1);
  assert.ok(h.ack(81, [[1, 1]], { space: Space.INITIAL }));
});

test('after a timeout a Retry is no round-trip sample', () => {
  const h = new Harness({ confirmed: false });
  h.send(0, 1, { space: Space.INITIAL });
  h.recovery.onTimeout(h.recovery.timeout());
  h.send(999, 1, { space: Space.INITIAL });
  h.recovery.resetForRetry(1040);
  assert.not.ok(h.recovery.rtt.hasSample);
  assert.is(h.recovery.ptoCount, 0);
});

test.run();
