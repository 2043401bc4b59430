import type { DatagramBatch, Endpoint } from '@mquictt/quic-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AmplificationCheck,
  CLIENT_ADDRESS,
  CLIENT_PORT,
  LINKS,
  Pair,
  SERVER_ADDRESS,
  SERVER_PORT,
  Simulation,
} from '../../src/index.ts';

const test = suite('pair');

/** Sends numbered datagrams until each was answered by an echo; repeats the unanswered ones every 100 ms. */
class Pinger {
  readonly #unanswered: Set<number>;
  #deadline: number = 0;

  constructor(count: number) {
    this.#unanswered = new Set(Array.from({ length: count }, (_, i) => i));
  }

  get isDone(): boolean {
    return this.#unanswered.size === 0;
  }

  endpoint(): Endpoint {
    return toy({
      handleDatagrams: (batch) => {
        for (let i = 0; i < batch.count; i++) this.#unanswered.delete(batch.buffer[batch.start[i]! + 1]!);
      },
      handleTimeout: () => {},
      pollTransmit: (batch, now) => {
        if (now < this.#deadline || this.isDone) return 0;
        for (const id of this.#unanswered) {
          batch.push(Uint8Array.of(0x40, id), 0, SERVER_ADDRESS, SERVER_PORT, 0);
        }
        this.#deadline = now + 100;
        return batch.count;
      },
      nextTimeout: () => (this.isDone ? Infinity : this.#deadline),
    });
  }
}

function echo(): Endpoint {
  const waiting: Uint8Array[] = [];
  return toy({
    handleDatagrams: (batch) => {
      for (let i = 0; i < batch.count; i++) {
        assert.is(batch.address[i], CLIENT_ADDRESS);
        assert.is(batch.port[i], CLIENT_PORT);
        waiting.push(batch.buffer.slice(batch.start[i], batch.end[i]));
      }
    },
    pollTransmit: (batch) => {
      for (const bytes of waiting.splice(0, 5)) batch.push(bytes, 0, CLIENT_ADDRESS, CLIENT_PORT, 0);
      return batch.count;
    },
  });
}

function toy(parts: Partial<Endpoint>): Endpoint {
  return {
    handleDatagrams: () => {},
    handleTimeout: () => {},
    pollTransmit: (_batch: DatagramBatch) => 0,
    nextTimeout: () => Infinity,
    nextEvent: () => undefined,
    connect: () => {
      throw new Error('Not a real endpoint');
    },
    stopAccepting: () => {},
    connectionCount: 0,
    stats: () => ({
      connections: 0,
      halfOpenConnections: 0,
      connectionIds: 0,
      resetTokens: 0,
      timers: 0,
      readyConnections: 0,
      pendingEvents: 0,
      pendingAnswers: 0,
      datagramsDropped: 0,
      internalErrors: 0,
      lastInternalError: undefined,
    }),
    ...parts,
  };
}

function pingPair(stages: keyof typeof LINKS, seed: number): { pair: Pair; pinger: Pinger; simulation: Simulation } {
  const simulation = new Simulation({ seed });
  const pinger = new Pinger(20);
  const pair = new Pair({
    simulation,
    client: pinger.endpoint(),
    server: echo(),
    up: LINKS[stages](),
    down: LINKS[stages](),
    scenario: stages,
    checkAmplification: false,
  });
  pair.client.wake();
  return { pair, pinger, simulation };
}

test('lets two endpoints talk over any link', () => {
  for (const name of Object.keys(LINKS) as (keyof typeof LINKS)[]) {
    const { pair, pinger } = pingPair(name, 3);
    pair.run(() => pinger.isDone, 60_000);
  }
});

test('replays a run from its seed', () => {
  const run = (seed: number): string => {
    const { pair, pinger, simulation } = pingPair('loss30', seed);
    pair.run(() => pinger.isDone, 60_000);
    return `${simulation.now} ${simulation.packetLog.count} ${simulation.packetLog.hash}`;
  };
  assert.is(run(1), run(1));
  assert.is.not(run(1), run(2));
});

test('takes what arrives at one moment as one batch', () => {
  const { pair, pinger } = pingPair('clean', 1);
  pair.run(() => pinger.isDone, 1000);
  assert.is(pair.server.turnCount, 1);
});

test('drops what it is told to', () => {
  const { pair, pinger, simulation } = pingPair('clean', 1);
  pair.dropNext(20, 'up');
  pair.run(() => pinger.isDone, 1000);
  assert.is(simulation.now, 1000 + 100 + 10);
});

test('says where it got stuck', () => {
  const { pair } = pingPair('clean', 9);
  assert.throws(() => pair.run(() => false, 500), /^Deadlock.*clean, SEED=9, at 1010 ms/);
  const other = pingPair('clean', 9);
  other.pair.dropNext(1e9, 'down');
  assert.throws(() => other.pair.run(() => other.pinger.isDone, 500), /^Not done within 500 ms; clean, SEED=9/);
});

test('notices an endpoint that asks to be woken for nothing', () => {
  const simulation = new Simulation();
  const busy = toy({ nextTimeout: () => simulation.now });
  const pair = new Pair({ simulation, client: busy, server: echo(), up: [], down: [] });
  pair.client.wake();
  assert.throws(() => pair.run(() => false, 500), /^client was woken 2000 times at 1000 ms/);
});

test('names the run when an endpoint throws', () => {
  const simulation = new Simulation({ seed: 4 });
  const broken = toy({
    pollTransmit: () => {
      throw new Error('Broken');
    },
  });
  const pair = new Pair({ simulation, client: broken, server: echo(), up: [], down: [], scenario: 'mine' });
  pair.client.wake();
  assert.throws(() => pair.run(() => false, 500), /^Broken; mine, SEED=4/);
});

/** Long header packets, unprotected as far as an observer looks. */
function longPacket(type: number, payload: number, token = 0): number[] {
  const header = [0xc0 | (type << 4), 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0];
  if (type === 0) header.push(token, ...new Array<number>(token).fill(7));
  return [...header, 0x40 | (payload >> 8), payload & 0xff, ...new Array<number>(payload).fill(9)];
}

test('holds a server to three times what it received', () => {
  const check = new AmplificationCheck();
  check.onReceived(Uint8Array.from(longPacket(0, 1182)));
  assert.not.ok(check.isValidated);
  check.onSent(new Uint8Array(3600));
  assert.throws(() => check.onSent(new Uint8Array(1)), /sent 3601 bytes for 1200/);
});

test('sees what validates an address, coalesced or not', () => {
  const validates = (...bytes: number[]): boolean => {
    const check = new AmplificationCheck();
    check.onReceived(Uint8Array.from(bytes));
    return check.isValidated;
  };
  assert.ok(validates(...longPacket(2, 50)));
  assert.ok(validates(...longPacket(0, 50), ...longPacket(2, 50)));
  assert.ok(validates(...longPacket(0, 50, 16)));
  assert.ok(validates(...longPacket(0, 50), 0x41, 1, 2, 3));
  assert.not.ok(validates(...longPacket(0, 50), ...longPacket(1, 50)));
  assert.not.ok(validates(...longPacket(0, 50), 0, 0, 0));
  assert.not.ok(validates(0xc0, 0, 0));
});

test.run();
