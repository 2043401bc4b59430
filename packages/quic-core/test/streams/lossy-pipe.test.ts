/** Two sides over a network that loses and reorders: every byte arrives exactly once and in order, FIN only behind all of them, and nothing stays behind. */
import { seededRandom, type SeededRandom } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Streams } from '../../src/streams/streams.ts';
import { check, fc } from '../support/property.ts';
import { LossyPipe, config, limitsOf, newStreams } from './support.ts';

const test = suite('streams over a lossy pipe');

const byteAt = (id: number, side: number, offset: number): number =>
  (id * 7 + side * 101 + offset * 31 + (offset >> 8)) & 0xff;

/** What one side does with a stream that it sends on. */
interface SendPlan {
  readonly size: number;
  written: number;
  /** Reset after so many bytes, -1 = never. */
  readonly resetAt: number;
  isOver: boolean;
}

/** What became of a stream at its receiver. */
interface Receipt {
  read: number;
  state: 'open' | 'finished' | 'reset' | 'stopped';
  readonly stopAt: number;
}

class App {
  readonly streams: Streams;
  readonly side: number;
  readonly #random: SeededRandom;
  readonly sending: Map<number, SendPlan> = new Map();
  readonly receiving: Map<number, Receipt> = new Map();
  readonly #abort: number;
  readonly #maxSize: number;
  #toOpen: number;
  /** Streams with unread data that are read in some later tick. */
  readonly #readable: Set<number> = new Set();

  constructor(streams: Streams, side: number, random: SeededRandom, toOpen: number, abort: number, maxSize: number) {
    this.streams = streams;
    this.side = side;
    this.#random = random;
    this.#toOpen = toOpen;
    this.#abort = abort;
    this.#maxSize = maxSize;
  }

  get isDone(): boolean {
    return (
      this.#toOpen === 0 &&
      [...this.sending.values()].every((plan) => plan.isOver) &&
      [...this.receiving.values()].every((receipt) => receipt.state !== 'open')
    );
  }

  tick(): void {
    for (let event = this.streams.nextEvent(); event !== undefined; event = this.streams.nextEvent()) {
      if (event.type === 'stream-opened') {
        this.#expect(event.id);
        if ((event.id & 2) === 0) this.#plan(event.id);
      } else if (event.type === 'stream-readable') {
        this.#readable.add(event.id);
      } else if (event.type === 'stream-stopped') {
        assert.is(event.errorCode, 55);
        this.sending.get(event.id)!.isOver = true;
      }
    }
    while (this.#toOpen > 0 && this.#random.chance(0.5)) {
      const bidirectional = this.#random.chance(0.5);
      const id = this.streams.open(bidirectional);
      if (id === -1) break;
      this.#toOpen--;
      this.streams.setPriority(id, this.#random.integer(8));
      this.#plan(id);
      if (bidirectional) this.#expect(id);
    }
    for (const [id, plan] of this.sending) if (!plan.isOver) this.#write(id, plan);
    for (const id of this.#readable) if (this.#random.chance(0.4)) this.#read(id);
  }

  #plan(id: number): void {
    const random = this.#random;
    const size = Math.min(random.pick([0, 1, 20, 500, 3_000, 12_000, 40_000]), this.#maxSize);
    this.sending.set(id, {
      size,
      written: 0,
      resetAt: random.chance(this.#abort) ? random.integer(size + 1) : -1,
      isOver: false,
    });
  }

  #expect(id: number): void {
    const stopAt = this.#random.chance(this.#abort) ? this.#random.integer(10_000) : -1;
    this.receiving.set(id, { read: 0, state: 'open', stopAt });
  }

  #write(id: number, plan: SendPlan): void {
    const random = this.#random;
    if (random.chance(0.3)) return;
    if (plan.resetAt >= 0 && plan.written >= plan.resetAt) {
      this.streams.reset(id, 66);
      plan.isOver = true;
      return;
    }
    const length = Math.min(plan.size - plan.written, 1 + random.integer(random.pick([10, 1_000, 9_000])));
    const data = new Uint8Array(length);
    for (let i = 0; i < length; i++) data[i] = byteAt(id, this.side, plan.written + i);
    const fin = plan.resetAt < 0 && plan.written + length === plan.size && random.chance(0.8);
    const accepted = this.streams.write(id, data, fin);
    assert.ok(accepted >= 0 && accepted <= length);
    plan.written += accepted;
    if (fin && accepted === length) plan.isOver = true;
  }

  #read(id: number): void {
    const receipt = this.receiving.get(id)!;
    if (receipt.state === 'stopped') return;
    const peer = 1 - this.side;
    for (;;) {
      const chunk = this.streams.read(id, 1 + this.#random.integer(5_000));
      if (chunk === undefined) break;
      for (let i = 0; i < chunk.length; i++) {
        if (chunk[i] !== byteAt(id, peer, receipt.read + i))
          assert.unreachable(`stream ${id}: wrong byte at ${receipt.read + i}`);
      }
      receipt.read += chunk.length;
      if (receipt.stopAt >= 0 && receipt.read >= receipt.stopAt) {
        this.streams.stop(id, 55);
        receipt.state = 'stopped';
        this.#readable.delete(id);
        return;
      }
      if (this.#random.chance(0.2)) return;
    }
    receipt.state = this.streams.receiveState(id);
    if (receipt.state === 'reset') assert.ok([55, 66].includes(this.streams.resetCode(id)));
    this.#readable.delete(id);
  }
}

function run(seed: number, loss: number, abort: number, streamCount: number, window: number): void {
  const random = seededRandom(seed);
  const [forClient, forServer] = [0, 1].map((side) =>
    config({
      isClient: side === 0,
      maxBidirectionalStreams: 1 + random.integer(6),
      maxUnidirectionalStreams: 1 + random.integer(6),
      streamReceiveWindow: window,
      streamSendBuffer: random.pick([1_000, 20_000]),
    }),
  );
  const client = newStreams(forClient, null);
  const server = newStreams(forServer, null);
  // A stream may need many windows, but not thousands of round trips.
  const maxSize = window * 100;
  const apps = [
    new App(client, 0, random.fork(), streamCount, abort, maxSize),
    new App(server, 1, random.fork(), streamCount, abort, maxSize),
  ] as const;
  // Streams are used before the peer's limits are known.
  apps[0].tick();
  server.setPeerLimits(limitsOf(forClient!));
  client.setPeerLimits(limitsOf(forServer!));
  const pipe = new LossyPipe(client, server, random.fork(), loss);
  let ticks = 0;
  while (!(pipe.isIdle && apps[0].isDone && apps[1].isDone)) {
    if (++ticks > 20_000) assert.unreachable('the two never come to an end');
    pipe.tick();
    for (const app of apps) app.tick();
  }

  for (const app of apps) {
    assert.is(app.streams.nextEvent(), undefined);
    assert.ok(app.streams.isDrained);
    assert.is(app.streams.mapSize, 0);
    assert.is(app.streams.receiveMemory, 0);
    const peer = apps[1 - app.side]!;
    for (const [id, receipt] of app.receiving) {
      const plan = peer.sending.get(id)!;
      assert.ok(receipt.read <= plan.written, `stream ${id}`);
      if (receipt.state === 'finished') assert.is(receipt.read, plan.size, `stream ${id}`);
      if (receipt.state === 'reset') assert.ok(plan.resetAt >= 0, `stream ${id}`);
      if (plan.resetAt < 0 && receipt.stopAt < 0) assert.is(receipt.state, 'finished', `stream ${id}`);
    }
  }
}

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

test('without loss', () => {
  check(
    fc.property(seeds, (seed) => run(seed, 0, 0, 8, 5_000)),
    10,
  );
});

test('with loss up to 30 %', () => {
  check(
    fc.property(seeds, fc.integer({ min: 1, max: 30 }), (seed, percent) => run(seed, percent / 100, 0, 8, 5_000)),
    25,
  );
});

test('with loss, resets and stops', () => {
  check(
    fc.property(seeds, fc.integer({ min: 0, max: 30 }), (seed, percent) => run(seed, percent / 100, 0.3, 12, 4_000)),
    40,
  );
});

test('with windows of a few bytes', () => {
  check(
    fc.property(seeds, fc.integer({ min: 20, max: 600 }), (seed, window) => run(seed, 0.05, 0.2, 2, window)),
    8,
  );
});

test.run();
