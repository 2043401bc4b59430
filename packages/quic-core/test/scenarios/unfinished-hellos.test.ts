/** Clients that begin a ClientHello of several datagrams and never end it: what each costs, and for how long. And Retry with such a ClientHello. */
import { CLIENT_ADDRESS } from '@mquictt/testkit';
import { NamedGroup } from '@mquictt/tls13';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportErrorCode } from '../../src/errors.ts';
import { World } from './harness.ts';
import { HostilePeer, INITIAL, varints } from './hostile-peer.ts';
import { alpnFor } from './large-flights.ts';

const HANDSHAKE_TIMEOUT = 2000;

const test = suite('unfinished ClientHellos');

/** A client that withholds its TLS messages; a test sends the parts that it likes. */
function withholding(transport = {}): { peer: HostilePeer; hello: Uint8Array } {
  let hello = new Uint8Array(0);
  const peer = new HostilePeer({
    role: 'client',
    alpnProtocols: alpnFor(4),
    transport: { handshakeTimeout: HANDSHAKE_TIMEOUT, ...transport },
    onHandshakeBytes: (_space, data) => {
      hello = data.slice();
      return undefined;
    },
  });
  peer.start();
  assert.ok(hello.length > 3000);
  return { peer, hello };
}

test('the first part alone is acknowledged once and given up at the handshake deadline', () => {
  const { peer, hello } = withholding();
  const { endpoint } = peer.victim;
  peer.send(INITIAL, peer.cryptoFrame(0, hello.subarray(0, 1000))).runFor(100);
  assert.is(endpoint.stats().halfOpenConnections, 1);
  assert.is(peer.datagrams.length, 1);
  peer.runFor(HANDSHAKE_TIMEOUT);
  assert.is(endpoint.connectionCount, 0);
  assert.is(endpoint.stats().connectionIds, 0);
  assert.is(endpoint.stats().timers, 0);
  assert.is(peer.connection!.closeError!.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
  // Nothing is sent to an address that may be somebody else's.
  assert.is(peer.datagrams.length, 1);
});

test('a client that trickles does not live longer', () => {
  const { peer, hello } = withholding();
  for (let at = 0; at < 60; at++) {
    peer.send(INITIAL, peer.cryptoFrame(at, hello.subarray(at, at + 1))).runFor(50);
  }
  assert.is(peer.connection!.closeError?.code, 'ERR_QUIC_HANDSHAKE_TIMEOUT');
});

test('the last part alone, repeated and in pieces, ends at a bound', () => {
  const gaps = withholding();
  for (let i = 0; i < 100; i++) {
    gaps.peer.send(INITIAL, gaps.peer.cryptoFrame(100 + 10 * i, gaps.hello.subarray(0, 1)));
  }
  gaps.peer.runFor(20);
  assert.is(gaps.peer.connection!.closeError?.errorCode, TransportErrorCode.CRYPTO_BUFFER_EXCEEDED);

  for (const [offset, code] of [
    [32_000, undefined],
    [32_760, TransportErrorCode.CRYPTO_BUFFER_EXCEEDED],
    [2 ** 40, TransportErrorCode.CRYPTO_BUFFER_EXCEEDED],
  ] as const) {
    const far = withholding();
    far.peer.send(INITIAL, far.peer.cryptoFrame(offset, far.hello.subarray(0, 100))).runFor(20);
    assert.is(far.peer.connection!.closeError?.errorCode, code, `offset ${offset}`);
    assert.is(far.peer.victim.endpoint.stats().internalErrors, 0);
  }
});

test('a ClientHello that says it is 60 KB is not collected', () => {
  const { peer } = withholding();
  const filler = new Uint8Array(1000);
  peer.send(INITIAL, peer.cryptoFrame(0, Uint8Array.of(1, 0, 0xea, 0x60)));
  for (let at = 4; at < 60_000 && peer.connection?.closeError === undefined; at += 1000) {
    peer.send(INITIAL, peer.cryptoFrame(at, filler)).runFor(1);
  }
  assert.is(peer.connection!.closeError?.errorCode, TransportErrorCode.CRYPTO_BUFFER_EXCEEDED);
});

test('a hundred that end nowhere cost little more than what they sent, and an honest client gets in afterwards', () => {
  const world = new World({ transport: { handshakeTimeout: HANDSHAKE_TIMEOUT }, checkAmplification: false });
  const { server } = world.pair;
  const peers = Array.from({ length: 100 }, (_, i) =>
    new HostilePeer({ role: 'client', seed: 100 + i, onHandshakeBytes: () => undefined }).start(),
  );
  const datagrams = peers.map((peer) => peer.seal(INITIAL, peer.cryptoFrame(1100, new Uint8Array(1000))));
  const before = memory();
  for (const [i, datagram] of datagrams.entries()) server.deliver(datagram, CLIENT_ADDRESS, 1000 + i);
  world.pair.runFor(10);
  assert.is(server.endpoint.stats().halfOpenConnections, 100);
  const each = (memory() - before) / peers.length;
  console.log(`${(each / 1024).toFixed(1)} KiB for each half-open connection`);
  assert.ok(each < 48 * 1024, `${each} bytes`);
  world.pair.runFor(HANDSHAKE_TIMEOUT + 1000);
  assert.is(server.endpoint.connectionCount, 0);
  world.connect();
});

function memory(): number {
  global.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('Retry: all datagrams of the ClientHello come again, with the token', () => {
  const retryToken = new Uint8Array(100).fill(0x70);
  for (const hello of [2, 8]) {
    const peer = new HostilePeer({
      role: 'server',
      retryToken,
      victim: { alpnProtocols: alpnFor(hello), groups: [NamedGroup.X25519] },
    }).connect();
    const withToken = peer.tokens.filter((token) => token.length > 0);
    assert.is(peer.tokens.length - withToken.length, hello);
    assert.ok(withToken.length >= hello);
    for (const token of withToken) assert.equal(token, retryToken);
    for (const { bytes } of peer.datagrams.filter(({ bytes }) => (bytes[0]! & 0xf0) === 0xc0))
      assert.is(bytes.length, 1200);
  }
});

test('a PING instead of a ClientHello is no more welcome', () => {
  const { peer } = withholding();
  peer.send(INITIAL, varints(0x01)).runFor(HANDSHAKE_TIMEOUT + 100);
  assert.is(peer.victim.endpoint.connectionCount, 0);
});

test.run();
