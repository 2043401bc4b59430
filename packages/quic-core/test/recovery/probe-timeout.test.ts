import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_PTO_BACKOFF } from '../../src/limits.ts';
import { Space } from '../../src/recovery/spaces.ts';
import { Harness, SIZE } from './harness.ts';

const test = suite('probe timeout');

/** A confirmed connection with one sample of 100 ms: smoothed 100, rttvar 50, so a PTO of 300 ms + max_ack_delay. */
function measured(): Harness {
  const h = new Harness();
  h.recovery.setMaxAckDelay(25);
  h.send(0, 1);
  h.ack(100, [[0, 0]]);
  return h;
}

test('is armed by ack-eliciting packets, from the last one sent', () => {
  const h = measured();
  assert.is(h.recovery.timeout(), Infinity);
  h.send(200, 1);
  assert.is(h.recovery.timeout(), 525);
  h.send(250, 1);
  assert.is(h.recovery.timeout(), 575);
  h.send(260, 1, { ackOnly: true });
  assert.is(h.recovery.timeout(), 575);
});

test('asks for two probes, declares nothing lost and doubles', () => {
  const h = measured();
  h.send(200, 3);
  assert.is(h.recovery.onTimeout(524), 'none');
  assert.is(h.recovery.onTimeout(525), 'pto');
  assert.is(h.recovery.ptoSpace, Space.APPLICATION);
  assert.equal(h.recovery.ptoProbes, [0, 0, 2]);
  assert.equal(h.lost, []);
  assert.is(h.recovery.bytesInFlight, 3 * SIZE);
  h.send(525, 1);
  assert.equal(h.recovery.ptoProbes, [0, 0, 1]);
  h.send(525, 1, { ackOnly: true });
  assert.equal(h.recovery.ptoProbes, [0, 0, 1], 'a packet that only acknowledges is no probe');
  h.send(525, 1);
  assert.equal(h.recovery.ptoProbes, [0, 0, 0]);
  assert.is(h.recovery.timeout(), 525 + 2 * 325);
  h.recovery.onTimeout(1175);
  h.send(1175, 2);
  assert.is(h.recovery.timeout(), 1175 + 4 * 325);
  assert.is(h.recovery.ptoFired, 2);
});

test('the backoff ends with an acknowledgement', () => {
  const h = measured();
  h.send(200, 1);
  h.recovery.onTimeout(525);
  h.send(525, 2);
  h.ack(600, [[2, 2]]);
  assert.is(h.recovery.ptoCount, 0);
  assert.equal(h.recovery.ptoProbes, [0, 0, 0]);
});

test('probes that are not needed any more are not asked for', () => {
  const h = measured();
  h.send(200, 2);
  h.recovery.onTimeout(525);
  h.ack(526, [[1, 2]]);
  assert.equal(h.recovery.ptoProbes, [0, 0, 0]);
});

test('the backoff is capped', () => {
  const h = measured();
  h.send(200, 1);
  let now = 200;
  let previous = 0;
  for (let i = 0; i < MAX_PTO_BACKOFF + 5; i++) {
    const deadline = h.recovery.timeout();
    const wait = deadline - now;
    assert.ok(i > MAX_PTO_BACKOFF ? wait === previous : wait > previous);
    previous = wait;
    now = deadline;
    assert.is(h.recovery.onTimeout(now), 'pto');
    h.send(now, 2);
  }
  assert.is(previous, 325 * 2 ** MAX_PTO_BACKOFF);
});

test('moves on also when no probe can be sent', () => {
  const h = measured();
  h.send(200, 1);
  for (let i = 0; i < 30; i++) {
    const deadline = h.recovery.timeout();
    h.recovery.onTimeout(deadline);
    assert.ok(h.recovery.timeout() > deadline);
  }
});

test('gives way to a loss timer', () => {
  const h = measured();
  h.send(200, 2);
  h.ack(300, [[2, 2]]);
  assert.is(h.recovery.timeout(), 200 + (9 / 8) * 100);
  assert.is(h.recovery.onTimeout(400), 'loss');
  assert.is(h.recovery.ptoCount, 0);
});

test('hands over what the oldest packets carried, once, and keeps them in flight', () => {
  const h = measured();
  h.send(200, 2);
  assert.ok(h.recovery.requeueOldest(Space.APPLICATION));
  assert.equal(h.lost, [1]);
  assert.ok(h.recovery.requeueOldest(Space.APPLICATION));
  assert.not.ok(h.recovery.requeueOldest(Space.APPLICATION));
  assert.equal(h.lost, [1, 2]);
  assert.is(h.recovery.bytesInFlight, 2 * SIZE);
  h.ack(700, [[1, 1]]);
  assert.equal(h.acked, [0, 1], 'the original may still arrive');
});

test('a probe that took over a packet leaves nothing to lose in it', () => {
  const h = measured();
  h.send(200, 1);
  h.recovery.onTimeout(h.recovery.timeout());
  h.recovery.requeueOldest(Space.APPLICATION);
  assert.equal(h.lost, [1]);
  h.send(525, 1);
  h.ack(625, [[2, 2]]);
  h.recovery.onTimeout(h.recovery.timeout());
  assert.equal(h.lost, [1]);
  assert.is(h.recovery.packetsLost, 1, 'it is congestion all the same');
  assert.is(h.recovery.bytesInFlight, 0);
});

test('before the handshake is confirmed the application space has no timeout', () => {
  const h = new Harness({ isClient: false, confirmed: false });
  h.send(0, 1);
  assert.is(h.recovery.timeout(), Infinity);
  h.recovery.setHandshakeState(true, true, true);
  assert.is(h.recovery.timeout(), 999 + 25);
});

test('Initial and Handshake timeouts do not wait for max_ack_delay, and the earliest goes first', () => {
  const h = new Harness({ isClient: false, confirmed: false });
  h.send(0, 1, { space: Space.INITIAL });
  h.send(5, 2, { space: Space.HANDSHAKE });
  assert.is(h.recovery.timeout(), 999);
  assert.is(h.recovery.onTimeout(999), 'pto');
  assert.is(h.recovery.ptoSpace, Space.INITIAL);
  assert.equal(h.recovery.ptoProbes, [2, 1, 0], 'what else the handshake has in flight rides along');
});

test('a client with nothing in flight keeps probing until the server may answer', () => {
  const h = new Harness({ confirmed: false });
  assert.is(h.recovery.timeout(), Infinity, 'not before it has sent anything');
  h.send(0, 1, { space: Space.INITIAL });
  h.ack(100, [[0, 0]], { space: Space.INITIAL });
  assert.is(h.recovery.bytesInFlight, 0);
  assert.is(h.recovery.timeout(), 100 + 300);
  assert.is(h.recovery.onTimeout(400), 'pto');
  assert.equal(h.recovery.ptoProbes, [1, 0, 0]);
  h.send(400, 1, { space: Space.INITIAL });
  h.recovery.setHandshakeState(true, false, false);
  h.recovery.discardSpace(Space.INITIAL, 450);
  assert.is(h.recovery.timeout(), 450 + 300);
  h.recovery.onTimeout(750);
  assert.equal(h.recovery.ptoProbes, [0, 1, 0]);
  h.recovery.setHandshakeState(true, false, true);
  assert.is(h.recovery.timeout(), Infinity);
});

test('0-RTT packets in flight do not stop a client from probing', () => {
  const h = new Harness({ confirmed: false });
  h.send(0, 1, { space: Space.INITIAL });
  h.send(0, 3);
  h.ack(100, [[0, 0]], { space: Space.INITIAL });
  assert.is(h.recovery.timeout(), 400);
});

test('a client that is not sure of being validated keeps its backoff', () => {
  const h = new Harness({ confirmed: false });
  h.send(0, 1, { space: Space.INITIAL });
  h.recovery.onTimeout(999);
  h.send(999, 2, { space: Space.INITIAL });
  h.ack(1100, [[1, 1]], { space: Space.INITIAL });
  assert.is(h.recovery.ptoCount, 1);
  h.recovery.setHandshakeState(true, false, true);
  h.send(1101, 1, { space: Space.HANDSHAKE });
  h.ack(1200, [[0, 0]], { space: Space.HANDSHAKE });
  assert.is(h.recovery.ptoCount, 0);
});

test('what the handshake lost does not wait for a window full of 1-RTT packets', () => {
  // They cannot be acknowledged before the peer has the lost Finished, and their timeout is not armed: it would be a deadlock.
  const h = new Harness({ confirmed: false });
  h.send(0, 1, { space: Space.HANDSHAKE });
  h.send(0, 9);
  h.send(40, 3, { space: Space.HANDSHAKE, ackOnly: true });
  h.recovery.setHandshakeState(true, false, true);
  h.ack(80, [[3, 3]], { space: Space.HANDSHAKE });
  assert.equal(h.lost, [0]);
  assert.is(h.recovery.canSend(), 0);
  assert.is(h.recovery.timeout(), Infinity);
  assert.equal(h.recovery.ptoProbes, [0, 1, 0]);
});

test('a server at the anti-amplification limit waits for the client', () => {
  const h = new Harness({ isClient: false, confirmed: false });
  h.send(0, 3, { space: Space.HANDSHAKE });
  h.recovery.setAmplificationBlocked(true);
  assert.is(h.recovery.timeout(), Infinity);
  assert.is(h.recovery.onTimeout(5000), 'none');
  h.recovery.setAmplificationBlocked(false);
  assert.is(h.recovery.timeout(), 999, 'due at once');
});

test('handshake data that was noticed to be lost is probed at once, twice in a handshake and no more', () => {
  const h = new Harness({ isClient: false, confirmed: false });
  h.recovery.hastenProbes();
  assert.equal(h.recovery.ptoProbes, [0, 0, 0], 'nothing is in flight');
  h.send(0, 1, { space: Space.INITIAL });
  h.send(0, 3, { space: Space.HANDSHAKE });
  for (let i = 0; i < 2; i++) {
    h.recovery.hastenProbes();
    assert.equal(h.recovery.ptoProbes, [2, 2, 0]);
    h.send(1, 2, { space: Space.INITIAL });
    h.send(1, 2, { space: Space.HANDSHAKE });
    assert.equal(h.recovery.ptoProbes, [0, 0, 0]);
  }
  h.recovery.hastenProbes();
  assert.equal(h.recovery.ptoProbes, [0, 0, 0], 'the third time');
  assert.is(h.recovery.ptoCount, 0, 'no timeout has been');
});

test.run();
