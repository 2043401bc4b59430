/**
 * First flights larger than one datagram: a ClientHello with a post-quantum key share has two, a server's flight with a long chain as many as the chain
 * wants, of which only three times what the client sent may go out before its address is validated (RFC 9000 §8.1).
 */
import { LINKS, stages, TEST_SERVER_NAME, type Stage } from '@mquictt/testkit';
import { NamedGroup, type ClientConfig } from '@mquictt/tls13';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { World, type WorldOptions } from './harness.ts';
import { alpnFor, credentialOf } from './large-flights.ts';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const DELAY = 15;
/** Without an RTT sample, the first probe timeout (RFC 9002 §6.2.2), ms. */
const FIRST_PTO = 999;
/** A certificate message that wants twice the budget that two datagrams give. */
const LONG_CHAIN = 20_000;

const test = suite('large first flight');

interface Flights {
  /** Datagrams of the ClientHello; what the default key shares make, which is two, where it is missing. */
  readonly hello?: number;
  /** Bytes of the server's chain; a short one where it is missing. */
  readonly chain?: number;
}

interface Result {
  readonly world: World;
  /** Virtual ms until the slower side was connected. */
  readonly time: number;
}

function handshake(flights: Flights, up: Stage[], down: Stage[], options: WorldOptions = {}): Result {
  const server = flights.chain === undefined ? {} : { credential: credentialOf(flights.chain) };
  const world = new World({
    seed: SEED,
    up,
    down,
    ...options,
    client: { ...helloOf(flights.hello), ...options.client },
    server: { ...server, ...options.server },
  });
  const started = world.simulation.now;
  world.connect(30_000);
  for (const { endpoint } of [world.pair.client, world.pair.server]) assert.is(endpoint.stats().internalErrors, 0);
  return { world, time: world.simulation.now - started };
}

/** Counted datagrams need a key share of a known size. */
function helloOf(datagrams: number | undefined): Partial<ClientConfig> {
  return datagrams === undefined ? {} : { alpnProtocols: alpnFor(datagrams), groups: [NamedGroup.X25519] };
}

function describe(flights: Flights): string {
  const up = flights.hello === undefined ? 'default key shares' : `${flights.hello} datagrams up`;
  return `${up}, ${flights.chain ?? 'few'} bytes down`;
}

function delayed(...before: Stage[]): Stage[] {
  return [...before, stages.delay(DELAY)];
}

function quantiles(times: number[]): { median: number; ninth: number; worst: number } {
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)]!;
  return { median: at(0.5), ninth: at(0.9), worst: at(1) };
}

test('a ClientHello of two to eight datagrams costs no round trip more than a small one', () => {
  for (let hello = 1; hello <= 8; hello++) {
    const sizes: number[] = [];
    const look = stages.tap((bytes, now) => void (now === 1000 && sizes.push(bytes.length)));
    const { time, world } = handshake({ hello }, delayed(look), delayed());
    assert.is(time, 3 * DELAY, `${hello} datagrams`);
    assert.is(sizes.length, hello);
    for (const size of sizes) assert.is(size, 1200);
    assert.is(world.pair.up.stats.sent + world.pair.down.stats.sent < hello + 6, true);
  }
});

test('by default both first flights have two datagrams, for the share of X25519MLKEM768, and cost no round trip more', () => {
  const sizes: number[][] = [[], []];
  const look = (i: number): Stage =>
    stages.tap((bytes) => void ((bytes[0]! & 0xf0) === 0xc0 && sizes[i]!.push(bytes.length)));
  const { time } = handshake({}, delayed(look(0)), delayed(look(1)));
  assert.is(time, 3 * DELAY);
  assert.equal(sizes[0]!.slice(0, 2), [1200, 1200]);
  assert.equal(sizes[1]!.slice(0, 2), [1200, 1200]);
});

test('a flight of 20 KB waits for the client once per budget, and goes on without a timeout', () => {
  for (const [hello, trips] of [
    // Two datagrams allow 7,200 bytes; the answer to those validates the client, and the rest is up to the congestion window.
    [1, 3],
    [2, 3],
    [8, 2],
  ] as const) {
    const { time, world } = handshake({ hello, chain: LONG_CHAIN }, delayed(), delayed());
    assert.is(time, 2 * DELAY * trips + DELAY, `${hello} datagrams`);
    assert.is(world.serverConnections[0]!.stats().ptoCount, 0);
  }
});

const FLIGHTS: readonly Flights[] = [
  {},
  { chain: LONG_CHAIN },
  { hello: 2 },
  { hello: 8 },
  { hello: 2, chain: LONG_CHAIN },
  { hello: 8, chain: LONG_CHAIN },
];

for (const flights of FLIGHTS) {
  const label = describe(flights);

  test(`any datagram of the flights may be lost: ${label}`, () => {
    const clean = handshake(flights, delayed(), delayed());
    let slowest = 0;
    for (const direction of ['up', 'down'] as const) {
      const count = clean.world.pair[direction].stats.sent;
      for (let k = 0; k < count; k++) {
        const drop = stages.dropNth(k);
        const { time } = handshake(
          flights,
          delayed(...(direction === 'up' ? [drop] : [])),
          delayed(...(direction === 'down' ? [drop] : [])),
        );
        // Where all that the server had to say is one datagram, its loss is noticed by the timeout alone.
        const isAll = flights.chain === undefined && direction === 'down';
        const limit = isAll ? FIRST_PTO + 4 * DELAY : 12 * DELAY + 3 * DELAY;
        assert.ok(time <= limit, `without ${direction} ${k}: ${time} ms`);
        slowest = Math.max(slowest, time);
      }
    }
    console.log(`${label}: ${slowest} ms at the most without one of them`);
  });
}

test('any two datagrams of the default flights and a chain of 20 KB may be lost', () => {
  for (let first = 0; first < 24; first++) {
    for (let second = first + 1; second < 24; second += 3) {
      let index = 0;
      const drop = stages.dropIf(() => {
        const n = index++;
        return n === first || n === second;
      });
      const { time } = handshake({ chain: LONG_CHAIN }, delayed(drop), delayed(drop));
      assert.ok(time < 2 * FIRST_PTO, `without ${first} and ${second}: ${time} ms`);
    }
  }
});

test('the parts of a ClientHello may come in any order, the second before the first', () => {
  for (const hello of [undefined, 2, 3, 8]) {
    for (let k = 0; k < (hello ?? 2); k++) {
      const { time, world } = handshake(
        hello === undefined ? {} : { hello },
        delayed(stages.holdNth(20, k)),
        delayed(),
      );
      assert.is(world.serverConnections.length, 1);
      assert.ok(time <= 3 * DELAY + 20, `${k} of ${hello ?? 'the default'} later than the others: ${time} ms`);
    }
  }
  // In reverse.
  const turned = [7, 6, 5, 4, 3, 2, 1, 0].map((k, i) => stages.holdNth(3 * i, k));
  const { time, world } = handshake({ hello: 8 }, delayed(...turned), delayed());
  assert.is(world.serverConnections.length, 1);
  assert.ok(time <= 3 * DELAY + 21, `${time} ms`);
});

test('the parts of a large flight of the server may come in any order', () => {
  for (let k = 0; k < 20; k++) {
    const { time } = handshake({ chain: LONG_CHAIN }, delayed(), delayed(stages.holdNth(20, k)));
    assert.ok(time <= 12 * DELAY, `${k} later than the others: ${time} ms`);
  }
});

test('duplicates make no second connection and cost no time', () => {
  for (const hello of [2, 8]) {
    const twice = (): Stage[] => delayed(stages.duplicate(1, 7));
    const { time, world } = handshake({ hello, chain: LONG_CHAIN }, twice(), twice());
    assert.is(world.serverConnections.length, 1);
    assert.ok(time <= 7 * DELAY, `${time} ms`);
  }
});

const BAD_LINKS: readonly [string, limits: { median: number; ninth: number; worst: number }, () => Stage[]][] = [
  ['2 % loss', { median: 105, ninth: 300, worst: 3_200 }, () => delayed(stages.loss(0.02, 3))],
  ['10 % loss', { median: 250, ninth: 1_500, worst: 5_000 }, () => delayed(stages.loss(0.1, 3))],
  ['30 % loss', { median: 1_000, ninth: 3_500, worst: 10_000 }, () => LINKS.loss30()],
  ['30 % corruption', { median: 1_000, ninth: 3_500, worst: 10_000 }, () => LINKS.corrupt30()],
  [
    'everything at once',
    { median: 750, ninth: 2_500, worst: 6_000 },
    () => [stages.loss(0.1, 3), stages.duplicate(0.2, 10), stages.corrupt(0.05), stages.jitter(40), stages.delay(10)],
  ],
];

for (const [name, limits, link] of BAD_LINKS) {
  for (const flights of [{}, { chain: LONG_CHAIN }, { hello: 2 }, { hello: 3, chain: LONG_CHAIN }]) {
    const label = `${name}, ${describe(flights)}`;
    test(`30 of 30 with the default timeouts: ${label}`, () => {
      const times: number[] = [];
      for (let i = 0; i < 30; i++) times.push(handshake(flights, link(), link(), { seed: SEED + i }).time);
      const { median, ninth, worst } = quantiles(times);
      console.log(`${label}: ${median.toFixed(0)} ms (median), ${ninth.toFixed(0)}, ${worst.toFixed(0)}`);
      assert.ok(median <= limits.median && ninth <= limits.ninth && worst <= limits.worst);
    });
  }

  // A part that is missing is noticed by an ACK, or by the client's timeout, which doubles: eight parts take more of them.
  test(`10 of 10 with eight datagrams up and half a minute: ${name}`, () => {
    const flights = { hello: 8, chain: LONG_CHAIN };
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const options = { seed: SEED + i, transport: { handshakeTimeout: 30_000 } };
      times.push(handshake(flights, link(), link(), options).time);
    }
    assert.ok(quantiles(times).median <= limits.median, `${times}`);
  });
}

test('a server that lost its whole budget gets a new one: the client goes on sending padded Initials', () => {
  // Two datagrams of ClientHello allow six; the first with all, the others without the server's first, so that the client has its acknowledgement.
  for (const from of [0, 1]) {
    const lost = Array.from({ length: 6 - from }, (_, i) => from + i);
    const initials: number[] = [];
    const look = stages.tap((bytes) => void ((bytes[0]! & 0xf0) === 0xc0 && initials.push(bytes.length)));
    const { time } = handshake({ hello: 2, chain: LONG_CHAIN }, delayed(look), delayed(stages.dropNth(...lost)));
    assert.ok(initials.length > 2);
    for (const size of initials) assert.is(size, 1200);
    assert.ok(time < FIRST_PTO + 10 * DELAY, `${time} ms`);
  }
});

test('a client whose ClientHello was acknowledged and who hears no more keeps asking', () => {
  // Nothing of the server but its first datagram passes for two seconds.
  const drop = stages.dropIf((_bytes, index) => index > 0 && world!.simulation.now < 3000);
  let world: World | undefined = new World({
    seed: SEED,
    up: delayed(),
    down: delayed(drop),
    server: { credential: credentialOf(LONG_CHAIN) },
  });
  world.connect();
  assert.ok(world.simulation.now < 6000, `${world.simulation.now}`);
  world = undefined;
});

test('HelloRetryRequest: a second ClientHello, as large as the first, goes through', () => {
  const groups = [NamedGroup.SECP256R1, NamedGroup.X25519];
  const options: WorldOptions = {
    client: { alpnProtocols: alpnFor(4), groups, keyShareGroups: [NamedGroup.SECP256R1] },
    server: { groups: [NamedGroup.X25519] },
  };
  const flights = { hello: 4 };
  const { time, world } = handshake(flights, delayed(), delayed(), options);
  assert.is(time, 5 * DELAY);
  for (const direction of ['up', 'down'] as const) {
    for (let k = 0; k < world.pair[direction].stats.sent; k++) {
      const drop = [stages.dropNth(k)];
      const lossy = handshake(
        flights,
        delayed(...(direction === 'up' ? drop : [])),
        delayed(...(direction === 'down' ? drop : [])),
        options,
      );
      assert.ok(lossy.time <= FIRST_PTO + 10 * DELAY, `without ${direction} ${k}: ${lossy.time} ms`);
    }
  }
  for (let i = 0; i < 20; i++) handshake(flights, LINKS.loss30(), LINKS.loss30(), { ...options, seed: SEED + i });
});

test('a ClientHello beyond every bound ends the connection, not the server', () => {
  const world = new World({ seed: SEED, client: { alpnProtocols: alpnFor(40) } });
  const client = world.pair.connect(TEST_SERVER_NAME);
  world.pair.run(() => client.closeError !== undefined, 5000);
  assert.is(client.closeError!.errorCode, 0x0d, 'CRYPTO_BUFFER_EXCEEDED');
  assert.is(world.pair.server.endpoint.stats().internalErrors, 0);
  world.pair.runFor(5000);
  assert.is(world.pair.server.endpoint.connectionCount, 0);
});

test.run();
