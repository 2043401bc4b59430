import type { ClientSession } from '@mquictt/tls13';
import { seededRandom } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TransportError, TransportErrorCode } from '../src/errors.ts';
import { checkNotReduced, earlyDataContext, rememberedParameters } from '../src/remembered-parameters.ts';
import {
  DEFAULT_TRANSPORT_PARAMETERS,
  encodeTransportParameters,
  type TransportParameters,
} from '../src/transport-parameters.ts';
import { VERSION_1 } from '../src/version.ts';

const test = suite('remembered parameters');

const SERVER: TransportParameters = {
  ...DEFAULT_TRANSPORT_PARAMETERS,
  maxIdleTimeout: 30_000,
  maxUdpPayloadSize: 1_500,
  initialMaxData: 1_000_000,
  initialMaxStreamDataBidiLocal: 1_001,
  initialMaxStreamDataBidiRemote: 1_002,
  initialMaxStreamDataUni: 1_003,
  initialMaxStreamsBidi: 12,
  initialMaxStreamsUni: 13,
  ackDelayExponent: 8,
  maxAckDelay: 100,
  disableActiveMigration: true,
  activeConnectionIdLimit: 5,
  originalDestinationConnectionId: new Uint8Array(8),
  statelessResetToken: new Uint8Array(16),
  initialSourceConnectionId: new Uint8Array(8),
  retrySourceConnectionId: new Uint8Array(8),
  preferredAddress: {
    ipv4Address: new Uint8Array(4),
    ipv4Port: 1,
    ipv6Address: new Uint8Array(16),
    ipv6Port: 2,
    connectionId: new Uint8Array(4),
    statelessResetToken: new Uint8Array(16),
  },
};

/** RFC 9000 §7.4.1: "A server MUST NOT reduce any limits". */
const LIMITS = [
  'activeConnectionIdLimit',
  'initialMaxData',
  'initialMaxStreamDataBidiLocal',
  'initialMaxStreamDataBidiRemote',
  'initialMaxStreamDataUni',
  'initialMaxStreamsBidi',
  'initialMaxStreamsUni',
] as const;

function sessionWith(type: number): ClientSession {
  const data = encodeTransportParameters(SERVER, seededRandom(1));
  return { peerExtensions: [{ type, data }] } as unknown as ClientSession;
}

const remembered = rememberedParameters(sessionWith(VERSION_1.transportParametersExtension), VERSION_1)!;

test('a client remembers limits, and nothing that belongs to one connection or one path', () => {
  assert.equal(remembered, {
    maxIdleTimeout: 30_000,
    maxUdpPayloadSize: 1_500,
    initialMaxData: 1_000_000,
    initialMaxStreamDataBidiLocal: 1_001,
    initialMaxStreamDataBidiRemote: 1_002,
    initialMaxStreamDataUni: 1_003,
    initialMaxStreamsBidi: 12,
    initialMaxStreamsUni: 13,
    disableActiveMigration: true,
    activeConnectionIdLimit: 5,
  });
  assert.is(rememberedParameters(sessionWith(0xffa5), VERSION_1), undefined);
});

test('a server that accepted early data may raise each limit and lower none', () => {
  checkNotReduced(remembered, SERVER);
  for (const name of LIMITS) {
    checkNotReduced(remembered, { ...SERVER, [name]: SERVER[name] + 1 });
    assert.throws(
      () => checkNotReduced(remembered, { ...SERVER, [name]: SERVER[name] - 1 }),
      (error: TransportError) =>
        error.errorCode === TransportErrorCode.PROTOCOL_VIOLATION && error.message.includes(name),
    );
  }
  checkNotReduced(remembered, { ...SERVER, maxIdleTimeout: 1, ackDelayExponent: 1, disableActiveMigration: false });
});

test('what early data depends on is told apart, and what changes with each connection is not in it', () => {
  const context = earlyDataContext(SERVER);
  assert.ok(context.length <= 96);
  for (const name of [...LIMITS, 'maxIdleTimeout', 'maxUdpPayloadSize'] as const) {
    assert.not.equal(earlyDataContext({ ...SERVER, [name]: SERVER[name] - 1 }), context, name);
  }
  assert.not.equal(earlyDataContext({ ...SERVER, disableActiveMigration: false }), context);
  const another: TransportParameters = {
    ...SERVER,
    originalDestinationConnectionId: Uint8Array.of(1),
    statelessResetToken: new Uint8Array(16).fill(1),
    initialSourceConnectionId: Uint8Array.of(2),
    retrySourceConnectionId: undefined,
    preferredAddress: undefined,
    maxAckDelay: 3,
  };
  assert.equal(earlyDataContext(another), context);
});

test('the largest limits fit', () => {
  const huge = Object.fromEntries(LIMITS.map((name) => [name, Number.MAX_SAFE_INTEGER]));
  assert.ok(earlyDataContext({ ...SERVER, ...huge, maxIdleTimeout: 2 ** 31 }).length <= 96);
});

test.run();
