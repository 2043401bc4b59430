/** The receiving part: every pair of state and event against the table, and the table against the figure of RFC 9000 §3.2. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportError, TransportErrorCode } from '../../src/errors.ts';
import { FrameType } from '../../src/frames/frame-type.ts';
import { MAX_STREAM_GAPS } from '../../src/limits.ts';
import { ReceiveWindow } from '../../src/streams/flow-control.ts';
import { RECEIVE_TRANSITIONS, ReceiveEvent, ReceiveHalf, ReceiveHalfState } from '../../src/streams/receive-half.ts';

const test = suite('receive half');
const State = ReceiveHalfState;

const DATA = new Uint8Array(5_000).fill(7);
const WINDOW = 100;

function newHalf(window: number = WINDOW, connection: ReceiveWindow = new ReceiveWindow(10_000, 1)): ReceiveHalf {
  return new ReceiveHalf(window, connection);
}

function receive(half: ReceiveHalf, offset: number, length: number, fin: boolean = false): boolean {
  return half.onStream(offset, DATA, 0, length, fin, FrameType.STREAM);
}

function reset(half: ReceiveHalf, errorCode: number, finalSize: number): boolean {
  return half.onReset(errorCode, finalSize, FrameType.RESET_STREAM);
}

function failsWith(errorCode: number, run: () => unknown): void {
  assert.throws(run, (error: unknown) => error instanceof TransportError && error.errorCode === errorCode);
}

/** Each has received 0..10 of 20 bytes, or as much as its state needs; the final size is 20 where there is one. */
const halfIn: Record<ReceiveHalfState, () => ReceiveHalf> = {
  [State.RECV]: () => {
    const half = newHalf();
    receive(half, 0, 10);
    return half;
  },
  [State.SIZE_KNOWN]: () => {
    const half = halfIn[State.RECV]();
    receive(half, 15, 5, true);
    return half;
  },
  [State.DATA_RECVD]: () => {
    const half = halfIn[State.SIZE_KNOWN]();
    receive(half, 10, 5);
    return half;
  },
  [State.DATA_READ]: () => {
    const half = halfIn[State.DATA_RECVD]();
    while (half.read(Infinity) !== undefined);
    return half;
  },
  [State.RESET_RECVD]: () => {
    const half = halfIn[State.RECV]();
    reset(half, 5, 20);
    return half;
  },
  [State.RESET_READ]: () => {
    const half = halfIn[State.RESET_RECVD]();
    half.read(Infinity);
    return half;
  },
};

/** What makes each event happen, or should but cannot. ALL_RECEIVED and READ are consequences, see below. */
const raise: Partial<Record<ReceiveEvent, (half: ReceiveHalf) => void>> = {
  [ReceiveEvent.STREAM]: (half) => receive(half, 0, 10),
  [ReceiveEvent.FIN]: (half) => receive(half, 15, 5, true),
  [ReceiveEvent.RESET]: (half) => reset(half, 6, 20),
  [ReceiveEvent.LET_GO]: (half) => half.stop(8),
};

for (const [stateName, state] of Object.entries(State)) {
  for (const [eventName, event] of Object.entries(ReceiveEvent)) {
    const act = raise[event];
    if (act === undefined) continue;
    test(`${stateName} takes ${eventName} as the table says`, () => {
      const half = halfIn[state]();
      assert.is(half.state, state);
      act(half);
      assert.is(half.state, RECEIVE_TRANSITIONS[state]![event]);
      assert.is(half.isDone, half.state === State.DATA_READ || half.state === State.RESET_READ);
    });
  }

  test(`${stateName} takes ALL_RECEIVED and READ where the table has them, and nowhere else`, () => {
    const half = halfIn[state]();
    const row = RECEIVE_TRANSITIONS[state]!;
    if (row[ReceiveEvent.ALL_RECEIVED] !== -1) {
      receive(half, 10, 5);
      assert.is(half.state, row[ReceiveEvent.ALL_RECEIVED]);
      return;
    }
    while (half.read(Infinity) !== undefined);
    half.read(Infinity);
    assert.is(half.state, row[ReceiveEvent.READ] === -1 ? state : row[ReceiveEvent.READ]);
  });
}

test('the table has the arrows of RFC 9000 figure 3, and those of letting go', () => {
  const arrows: string[] = [];
  const names = Object.keys(State);
  for (const [from, row] of RECEIVE_TRANSITIONS.entries()) {
    for (const to of row) if (to !== -1 && to !== from) arrows.push(`${names[from]} > ${names[to]}`);
  }
  assert.equal([...new Set(arrows)].sort(), [
    'DATA_RECVD > DATA_READ',
    'RECV > RESET_RECVD',
    'RECV > SIZE_KNOWN',
    'RESET_RECVD > RESET_READ',
    // Ours: stopped by the application, with nothing left to count.
    'SIZE_KNOWN > DATA_READ',
    'SIZE_KNOWN > DATA_RECVD',
    'SIZE_KNOWN > RESET_RECVD',
  ]);
  for (const [state, row] of RECEIVE_TRANSITIONS.entries()) {
    for (const event of [ReceiveEvent.STREAM, ReceiveEvent.FIN, ReceiveEvent.RESET, ReceiveEvent.LET_GO]) {
      assert.is.not(
        row[event],
        -1,
        `state ${state}: what a peer or the application can do at any time has a next state`,
      );
    }
  }
});

test('tells only of something new to read', () => {
  const half = newHalf();
  assert.not(receive(half, 10, 10), 'behind a hole');
  assert.ok(receive(half, 0, 10));
  assert.not(receive(half, 0, 20), 'repeated');
  assert.ok(receive(half, 20, 0, true), 'the end');
  assert.not(receive(half, 20, 0, true));
});

test('an end without data has to be read too', () => {
  const half = newHalf();
  assert.ok(receive(half, 0, 0, true));
  assert.is(half.state, State.DATA_RECVD);
  assert.ok(half.isFinished);
  assert.not(half.isDone);
  assert.is(half.read(Infinity), undefined);
  assert.ok(half.isDone);
});

test('refuses every change of the final size', () => {
  const { FINAL_SIZE_ERROR } = TransportErrorCode;
  // RFC 9000 §4.5, in each state that knows the size.
  for (const state of [
    State.SIZE_KNOWN,
    State.DATA_RECVD,
    State.DATA_READ,
    State.RESET_RECVD,
    State.RESET_READ,
  ] as const) {
    failsWith(FINAL_SIZE_ERROR, () => receive(halfIn[state](), 15, 4, true));
    failsWith(FINAL_SIZE_ERROR, () => receive(halfIn[state](), 15, 6, true));
    failsWith(FINAL_SIZE_ERROR, () => receive(halfIn[state](), 20, 1));
    failsWith(FINAL_SIZE_ERROR, () => receive(halfIn[state](), 21, 0));
    failsWith(FINAL_SIZE_ERROR, () => reset(halfIn[state](), 1, 19));
    failsWith(FINAL_SIZE_ERROR, () => reset(halfIn[state](), 1, 21));
  }
  // A size below what was received.
  failsWith(FINAL_SIZE_ERROR, () => receive(halfIn[State.RECV](), 9, 0, true));
  failsWith(FINAL_SIZE_ERROR, () => reset(halfIn[State.RECV](), 1, 9));
});

test('refuses more than the stream or the connection allows', () => {
  const { FLOW_CONTROL_ERROR } = TransportErrorCode;
  receive(newHalf(), 0, WINDOW);
  failsWith(FLOW_CONTROL_ERROR, () => receive(newHalf(), 1, WINDOW));
  failsWith(FLOW_CONTROL_ERROR, () => receive(newHalf(), WINDOW + 1, 0));
  failsWith(FLOW_CONTROL_ERROR, () => receive(newHalf(), Number.MAX_SAFE_INTEGER, 10));
  failsWith(FLOW_CONTROL_ERROR, () => reset(newHalf(), 0, WINDOW + 1));
  failsWith(FLOW_CONTROL_ERROR, () => reset(newHalf(), 0, Number.MAX_SAFE_INTEGER));

  const connection = new ReceiveWindow(150, 1);
  const first = newHalf(WINDOW, connection);
  const second = newHalf(WINDOW, connection);
  receive(first, 99, 1);
  assert.is(connection.received, 100, 'holes count');
  receive(second, 0, 50);
  failsWith(FLOW_CONTROL_ERROR, () => receive(second, 50, 1));
  failsWith(FLOW_CONTROL_ERROR, () => reset(second, 0, 51));
});

test('reading raises the limits, a quarter of the window at a time', () => {
  const connection = new ReceiveWindow(1_000, 25);
  const half = newHalf(WINDOW, connection);
  receive(half, 0, 80);
  half.read(24);
  assert.not(half.maxStreamData.isPending);
  assert.not(connection.isUpdateDue);
  half.read(1);
  assert.is(half.maxStreamData.value, 125);
  assert.ok(connection.isUpdateDue);
  assert.is(connection.raise(), 1_025);
  receive(half, 80, 45);
});

test('no limit is announced once the size is known', () => {
  const half = newHalf();
  receive(half, 0, 80);
  half.read(50);
  assert.ok(half.maxStreamData.isPending);
  receive(half, 90, 10, true);
  assert.not(half.maxStreamData.isPending);
  half.read(30);
  half.onBlocked();
  assert.not(half.maxStreamData.isPending);
});

test('a reset throws away what was not read and gives its credit back', () => {
  const connection = new ReceiveWindow(1_000, 1);
  const half = newHalf(WINDOW, connection);
  receive(half, 0, 40);
  half.read(10);
  assert.ok(reset(half, 77, 60));
  assert.is(half.resetCode, 77);
  assert.is(half.bufferedBytes, 0);
  assert.is(connection.received, 60);
  assert.is(connection.consumed, 60);
  assert.not(reset(half, 78, 60));
  assert.is(half.resetCode, 77);
});

test('a reset behind complete data is ignored', () => {
  const half = halfIn[State.DATA_RECVD]();
  assert.not(reset(half, 5, 20));
  assert.is(half.resetCode, -1);
  let length = 0;
  for (let chunk = half.read(Infinity); chunk !== undefined; chunk = half.read(Infinity)) length += chunk.length;
  assert.is(length, 20);
});

test('a stopped stream counts what comes as consumed and keeps none of it', () => {
  const connection = new ReceiveWindow(1_000, 1);
  const half = newHalf(WINDOW, connection);
  receive(half, 5, 10);
  assert.ok(half.stop(3));
  assert.not(half.stop(4));
  assert.is(half.stopSending.value, 3);
  assert.is(half.state, State.RECV, 'until the size is known');
  assert.is(connection.consumed, 15);
  assert.not(receive(half, 50, 20));
  assert.is(half.bufferedBytes, 0);
  assert.is(connection.consumed, 70);
  assert.is(half.read(Infinity), undefined);
  half.onBlocked();
  assert.not(half.maxStreamData.isPending);
  assert.not(receive(half, 70, 5, true));
  assert.ok(half.isDone);
  assert.is(connection.consumed, 75);
  assert.is(connection.received, 75);
  assert.not(half.stopSending.isPending);
});

test('a stopped stream ends with the reset that answers it', () => {
  const half = newHalf();
  half.stop(3);
  assert.not(reset(half, 3, 10), 'no news for whoever wanted none');
  assert.ok(half.isDone);
});

test('too many holes end the connection', () => {
  const half = newHalf(100_000, new ReceiveWindow(100_000, 1));
  for (let i = 0; i < MAX_STREAM_GAPS; i++) receive(half, i * 2 + 1, 1);
  failsWith(TransportErrorCode.PROTOCOL_VIOLATION, () => receive(half, MAX_STREAM_GAPS * 2 + 1, 1));
});

test.run();
