/** The sending part: every pair of state and event against the table, and the table against the figure of RFC 9000 §3.1. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Readiness, SEND_TRANSITIONS, SendEvent, SendHalf, SendState } from '../../src/streams/send-half.ts';

const test = suite('send half');

const DATA = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
const CAPACITY = 100;
const LIMIT = 50;

/** Sends whatever is pending, `length` bytes of it at most. @returns [offset, length, fin] */
function send(half: SendHalf, length: number = Infinity, credit: number = Infinity): [number, number, boolean] {
  assert.ok(half.nextFrame(credit), 'nothing to send');
  const sent = Math.min(half.frameLength, length);
  const fin = half.frameFin && sent === half.frameLength;
  const frame: [number, number, boolean] = [half.frameOffset, sent, fin];
  half.onFrameSent(...frame);
  return frame;
}

const halfIn: Record<SendState, () => SendHalf> = {
  [SendState.READY]: () => {
    const half = new SendHalf(LIMIT);
    half.write(DATA, false, CAPACITY);
    return half;
  },
  [SendState.SEND]: () => {
    const half = halfIn[SendState.READY]();
    send(half);
    return half;
  },
  [SendState.DATA_SENT]: () => {
    const half = halfIn[SendState.SEND]();
    half.write(DATA, true, CAPACITY);
    send(half);
    return half;
  },
  [SendState.DATA_RECVD]: () => {
    const half = halfIn[SendState.DATA_SENT]();
    assert.ok(half.onFrameAcked(0, 20, true));
    return half;
  },
  [SendState.RESET_SENT]: () => {
    const half = halfIn[SendState.SEND]();
    assert.ok(half.reset(7));
    return half;
  },
  [SendState.RESET_RECVD]: () => {
    const half = halfIn[SendState.RESET_SENT]();
    assert.ok(half.onResetAcked());
    return half;
  },
};

/** What makes each event happen, as a caller would. */
const raise: Record<SendEvent, (half: SendHalf) => void> = {
  [SendEvent.STREAM_SENT]: (half) => half.onFrameSent(half.buffer.sentOffset, 0, false),
  [SendEvent.FIN_SENT]: (half) => half.onFrameSent(half.buffer.writeOffset, 0, true),
  [SendEvent.ALL_ACKED]: (half) => {
    if (half.state !== SendState.DATA_SENT)
      throw new RangeError('Only a stream whose end was sent can be acknowledged as a whole');
    half.onFrameAcked(0, 20, true);
  },
  [SendEvent.RESET]: (half) => half.reset(9),
  [SendEvent.RESET_ACKED]: (half) => half.onResetAcked(),
};

for (const [stateName, state] of Object.entries(SendState)) {
  for (const [eventName, event] of Object.entries(SendEvent)) {
    test(`${stateName} takes ${eventName} as the table says`, () => {
      const half = halfIn[state]();
      assert.is(half.state, state);
      const next = SEND_TRANSITIONS[state]![event]!;
      if (next === -1) {
        assert.throws(() => raise[event](half), RangeError);
        assert.is(half.state, state);
      } else {
        raise[event](half);
        assert.is(half.state, next);
      }
      assert.is(half.isDone, half.state === SendState.DATA_RECVD || half.state === SendState.RESET_RECVD);
    });
  }
}

test('the table has the arrows of RFC 9000 figure 2 and no others', () => {
  const arrows: string[] = [];
  const names = Object.keys(SendState);
  for (const [from, row] of SEND_TRANSITIONS.entries()) {
    for (const to of row) if (to !== -1 && to !== from) arrows.push(`${names[from]} > ${names[to]}`);
  }
  assert.equal([...new Set(arrows)].sort(), [
    'DATA_SENT > DATA_RECVD',
    'DATA_SENT > RESET_SENT',
    // Data and FIN in one first frame: Send is passed through.
    'READY > DATA_SENT',
    'READY > RESET_SENT',
    'READY > SEND',
    'RESET_SENT > RESET_RECVD',
    'SEND > DATA_SENT',
    'SEND > RESET_SENT',
  ]);
});

test('a frame with only FIN', () => {
  const half = new SendHalf(LIMIT);
  assert.is(half.readiness, Readiness.NOTHING);
  half.write(new Uint8Array(0), true, CAPACITY);
  assert.is(half.readiness, Readiness.FREE, 'needs no credit');
  assert.equal(send(half, Infinity, 0), [0, 0, true]);
  assert.is(half.readiness, Readiness.NOTHING);
  assert.ok(half.isOutstanding);
  assert.ok(half.onFrameAcked(0, 0, true));
  assert.not(half.isOutstanding);
});

test('FIN goes with the last byte, and only with it', () => {
  const half = new SendHalf(LIMIT);
  half.write(DATA, true, CAPACITY);
  assert.equal(send(half, 4), [0, 4, false]);
  assert.equal(send(half), [4, 6, true]);
  assert.not(half.nextFrame(Infinity));
});

test('FIN is sent again alone when its bytes have arrived otherwise', () => {
  const half = new SendHalf(LIMIT);
  half.write(DATA, false, CAPACITY);
  send(half);
  half.write(new Uint8Array(0), true, CAPACITY);
  assert.equal(send(half), [10, 0, true]);
  half.onFrameLost(10, 0, true);
  assert.not(half.onFrameAcked(0, 10, false));
  assert.equal(send(half), [10, 0, true]);
  assert.ok(half.onFrameAcked(10, 0, true));
});

test('a lost end is sent again with FIN, split where the packet ends', () => {
  const half = new SendHalf(LIMIT);
  half.write(DATA, true, CAPACITY);
  send(half);
  half.onFrameLost(0, 10, true);
  assert.is(half.readiness, Readiness.FREE);
  assert.equal(send(half, 3), [0, 3, false]);
  assert.equal(send(half), [3, 7, true]);
  assert.is(half.readiness, Readiness.NOTHING);
});

test('FIN that was declared lost and arrived all the same is not sent again', () => {
  const half = new SendHalf(LIMIT);
  half.write(DATA, true, CAPACITY);
  send(half);
  half.onFrameLost(0, 10, true);
  assert.ok(half.onFrameAcked(0, 10, true));
  assert.is(half.readiness, Readiness.NOTHING);
  half.onFrameLost(0, 10, true);
  assert.is(half.readiness, Readiness.NOTHING);
});

test('sends no further than the stream limit and the connection credit', () => {
  const half = new SendHalf(6);
  half.write(DATA, true, CAPACITY);
  assert.equal(send(half, Infinity, 4), [0, 4, false]);
  assert.not(half.nextFrame(0));
  assert.equal(send(half), [4, 2, false]);
  assert.is(half.readiness, Readiness.BLOCKED);
  half.onFrameLost(0, 4, false);
  assert.is(half.readiness, Readiness.FREE, 'lost bytes have been paid for');
  assert.equal(send(half, Infinity, 0), [0, 4, false]);
  assert.ok(half.raiseLimit(10));
  assert.not(half.raiseLimit(8));
  assert.equal(send(half), [6, 4, true]);
});

test('accepts what fits into the send buffer, and counts fin only with all of it', () => {
  const half = new SendHalf(LIMIT);
  assert.is(half.write(DATA, true, 6), 6);
  assert.ok(half.wantsWritable);
  assert.ok(half.isWritable);
  assert.is(half.write(DATA.subarray(6), true, 6), 0);
  send(half);
  half.onFrameAcked(0, 6, false);
  assert.is(half.write(DATA.subarray(6), true, 6), 4);
  assert.not(half.isWritable);
  assert.equal(send(half), [6, 4, true]);
});

test('a reset states the bytes that were sent and lets go of all', () => {
  const half = new SendHalf(6);
  half.write(DATA, true, CAPACITY);
  send(half);
  half.dataBlocked.set(6);
  assert.ok(half.reset(7));
  assert.is(half.resetFinalSize, 6);
  assert.is(half.resetStream.value, 7);
  assert.ok(half.resetStream.isPending);
  assert.not(half.dataBlocked.isPending);
  assert.is(half.buffer.bufferedBytes, 0);
  assert.is(half.readiness, Readiness.NOTHING);
  assert.not(half.isOutstanding);
  assert.not(half.reset(8), 'the first code stays');
  assert.is(half.resetStream.value, 7);
  // Late news about data changes nothing.
  half.onFrameLost(0, 6, false);
  assert.not(half.onFrameAcked(0, 6, false));
  assert.is(half.readiness, Readiness.NOTHING);
});

test.run();
