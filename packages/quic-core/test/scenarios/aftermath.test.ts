/** When a connection has ended, on whatever path, nothing of it is left: no timer, no route, no buffer that counts. */
import { exchange, LINKS, type LinkPreset } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const SEED = Number(process.env['SEED'] ?? 1);
console.log(`SEED=${SEED}`);

const test = suite('aftermath');

for (const preset of Object.keys(LINKS) as LinkPreset[]) {
  test(`both endpoints are empty after a close over ${preset}`, () => {
    const { pair, client, server } = exchange({
      seed: SEED,
      scenario: `close over ${preset}`,
      link: LINKS[preset],
      up: 50_000,
      down: 50_000,
      limitMs: 300_000,
      transport: { handshakeTimeout: 60_000 },
    });
    for (const side of [client, server]) assert.is(side.stats().openStreams, 0);
    client.close(7, 'done');
    pair.client.wake();
    const isEmpty = (): boolean =>
      [pair.client, pair.server].every(
        ({ endpoint }) => endpoint.connectionCount === 0 && endpoint.nextTimeout() === Infinity,
      );
    // A server that misses the close finds out by its idle timeout.
    pair.run(isEmpty, 100_000);
    for (const { endpoint } of [pair.client, pair.server]) {
      const { datagramsDropped: _dropped, lastInternalError: _error, ...counters } = endpoint.stats();
      for (const [name, value] of Object.entries(counters)) assert.is(value, 0, name);
    }
    assert.is(client.closeError?.errorCode, 7);
    assert.is(client.stats().bytesInFlight >= 0, true);
  });
}

test('an idle connection is gone after its idle timeout, having kept silent', () => {
  const { pair, client, server } = exchange({
    seed: SEED,
    scenario: 'idle',
    link: LINKS.clean,
    up: 1000,
    down: 1000,
    limitMs: 1000,
    transport: { maxIdleTimeout: 20_000 },
  });
  const { simulation } = pair;
  const start = simulation.now;
  pair.runFor(1000);
  const packets = simulation.packetLog.count;
  const turns = pair.client.turnCount + pair.server.turnCount;
  pair.run(() => pair.client.endpoint.connectionCount + pair.server.endpoint.connectionCount === 0, 60_000);
  assert.is(client.closeError?.code, 'ERR_QUIC_IDLE_TIMEOUT');
  assert.is(server.closeError?.code, 'ERR_QUIC_IDLE_TIMEOUT');
  assert.ok(simulation.now - start > 19_000 && simulation.now - start < 21_000);
  assert.is(simulation.packetLog.count, packets, 'nobody sends');
  assert.ok(pair.client.turnCount + pair.server.turnCount - turns <= 6, 'nobody wakes');
});

test('keep-alive keeps an idle connection', () => {
  const { pair, client } = exchange({
    seed: SEED,
    scenario: 'keep-alive',
    link: LINKS.loss2,
    up: 1000,
    down: 1000,
    limitMs: 10_000,
    transport: { maxIdleTimeout: 20_000, keepAliveInterval: 8_000 },
  });
  const packets = pair.simulation.packetLog.count;
  pair.runFor(600_000);
  assert.ok(client.isConnected);
  const perPing = (pair.simulation.packetLog.count - packets) / (600_000 / 8_000);
  assert.ok(perPing < 6, `${perPing} datagrams per keep-alive interval`);
});

test.run();
