/**
 * What a peer must not do, and the code that the connection is closed with: the 34 checks of h3spec against our server, by their numbers, and the same
 * kind of list against our client.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert } from '@mquictt/tls13';
import { TransportErrorCode as E } from '@mquictt/quic-core';
import type { PreferredAddress, TransportParameters } from '../../src/transport-parameters.ts';
import { PacketType } from '../../src/packet-type.ts';
import { APPLICATION, HANDSHAKE, HostilePeer, INITIAL, ackOf, varints } from './hostile-peer.ts';
import type { HostileOptions, SendOptions, SpaceIndex } from './hostile-peer.ts';

const test = suite('violations');

const tls = (alert: number): number => E.CRYPTO_ERROR + alert;
/** 2^60 + 1 as a varint. */
const TOO_MANY_STREAMS = Uint8Array.of(0xd0, 0, 0, 0, 0, 0, 0, 1);
const bytes = (...parts: (number | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));

/** The victim must have closed with this code, told it to its application and to the peer, and caught no bug. */
function expectClose(peer: HostilePeer, errorCode: number, label: string): void {
  const stats = peer.victim.endpoint.stats();
  assert.is(stats.internalErrors, 0, `${label}: ${String(stats.lastInternalError)}`);
  assert.ok(peer.closed !== undefined, `${label}: not closed, SEED=${peer.simulation.seed}`);
  assert.is(peer.closed!.errorCode, errorCode, `${label}: ${peer.closed!.reason}`);
  assert.is(peer.closed!.application, false, label);
  const error = peer.connection!.closeError!;
  assert.is(error.errorCode, errorCode, label);
  assert.is(error.fault, 'peer', label);
  assert.is(peer.events.filter((event) => event.type === 'closed').length, 1, label);
}

function expectAlive(peer: HostilePeer, label: string): void {
  assert.is(peer.closed, undefined, label);
  assert.is(peer.connection!.closeError, undefined, `${label}: ${peer.connection!.closeError?.message}`);
  assert.ok(peer.connection!.isConnected, label);
}

/** Sends frames to a connection that is through with the handshake. */
function afterHandshake(role: 'client' | 'server', frames: Uint8Array, options: SendOptions = {}): HostilePeer {
  return new HostilePeer({ role }).connect().send(APPLICATION, frames, options).runFor(20);
}

/** Sends frames when the victim has Handshake keys and waits for the peer's Finished. */
function midHandshake(
  role: 'client' | 'server',
  space: SpaceIndex,
  frames: Uint8Array,
  options: SendOptions = {},
): HostilePeer {
  const peer = new HostilePeer({
    role,
    // The first Handshake packet would end the Initial space.
    acknowledges: space !== INITIAL,
    onHandshakeBytes: (index, data) => (index === HANDSHAKE ? undefined : data),
  });
  return peer.start().runFor(20).send(space, frames, options).runFor(20);
}

function withHandshake(options: Omit<HostileOptions, 'role'>, role: 'client' | 'server' = 'client'): HostilePeer {
  return new HostilePeer({ role, ...options }).start().runFor(60);
}

const preferredAddress: PreferredAddress = {
  ipv4Address: Uint8Array.of(192, 0, 2, 9),
  ipv4Port: 1,
  ipv6Address: new Uint8Array(16),
  ipv6Port: 0,
  connectionId: new Uint8Array(8).fill(7),
  statelessResetToken: new Uint8Array(16).fill(8),
};

// --- Against our server: parameters (h3spec 3 to 10)

const badParameters: [string, Partial<TransportParameters>][] = [
  ['3: initial_source_connection_id missing', { initialSourceConnectionId: undefined }],
  ['3b: initial_source_connection_id wrong', { initialSourceConnectionId: new Uint8Array(8) }],
  ['4: original_destination_connection_id', { originalDestinationConnectionId: new Uint8Array(8) }],
  ['5: preferred_address', { preferredAddress }],
  ['6: retry_source_connection_id', { retrySourceConnectionId: new Uint8Array(8) }],
  ['7: stateless_reset_token', { statelessResetToken: new Uint8Array(16) }],
  ['8: max_udp_payload_size 1090', { maxUdpPayloadSize: 1090 }],
  ['9: ack_delay_exponent 30', { ackDelayExponent: 30 }],
  ['10: max_ack_delay 2^15', { maxAckDelay: 2 ** 15 }],
  ['active_connection_id_limit 1', { activeConnectionIdLimit: 1 }],
];
for (const [label, parameters] of badParameters) {
  test(`server, parameters ${label}`, () => {
    expectClose(withHandshake({ parameters }), E.TRANSPORT_PARAMETER_ERROR, label);
  });
}

test('server, parameters that come twice or are cut short', () => {
  const twice = withHandshake({ extension: (data) => ({ type: 0x39, data: bytes(data, 0x0f, 0) }) });
  expectClose(twice, E.TRANSPORT_PARAMETER_ERROR, 'twice');
  const short = withHandshake({ extension: (data) => ({ type: 0x39, data: data.subarray(0, data.length - 1) }) });
  // The last one is the reserved kind, which may be empty: then there is nothing to cut.
  if (short.closed !== undefined) expectClose(short, E.TRANSPORT_PARAMETER_ERROR, 'short');
  const cut = withHandshake({ extension: (data) => ({ type: 0x39, data: bytes(data, 0x04, 8, 1) }) });
  expectClose(cut, E.TRANSPORT_PARAMETER_ERROR, 'cut');
});

// --- Against our server: frames after the handshake

const serverFrames: [string, Uint8Array, number][] = [
  ['1: STREAM 0 at offset 100,000,000', bytes(varints(0x0e, 0, 100_000_000, 1), 1), E.FLOW_CONTROL_ERROR],
  ['2: STREAM id 1,000,000,000', bytes(varints(0x0a, 1_000_000_000, 1), 1), E.STREAM_LIMIT_ERROR],
  ['11: unknown frame 0x20', varints(0x20), E.FRAME_ENCODING_ERROR],
  ['12: packet with no frames', new Uint8Array(0), E.PROTOCOL_VIOLATION],
  ['16: RESET_STREAM for server uni stream 3', varints(0x04, 3, 0, 0), E.STREAM_STATE_ERROR],
  ['17: STOP_SENDING for stream 101', varints(0x05, 101, 0), E.STREAM_STATE_ERROR],
  ['18: NEW_TOKEN from a client', bytes(0x07, 1, 1), E.PROTOCOL_VIOLATION],
  ['19: STREAM on server bidi stream 1', bytes(varints(0x0a, 1, 1), 1), E.STREAM_STATE_ERROR],
  ['20: STREAM on server uni stream 3', bytes(varints(0x0a, 3, 1), 1), E.STREAM_STATE_ERROR],
  ['21: MAX_STREAM_DATA for stream 101', varints(0x11, 101, 1000), E.STREAM_STATE_ERROR],
  ['22: MAX_STREAM_DATA for receive-only stream 2', varints(0x11, 2, 1000), E.STREAM_STATE_ERROR],
  ['23: MAX_STREAMS 2^60+1', bytes(0x12, TOO_MANY_STREAMS), E.FRAME_ENCODING_ERROR],
  ['23: MAX_STREAMS 2^60+1, unidirectional', bytes(0x13, TOO_MANY_STREAMS), E.FRAME_ENCODING_ERROR],
  ['24: STREAMS_BLOCKED 2^60+1', bytes(0x16, TOO_MANY_STREAMS), E.FRAME_ENCODING_ERROR],
  [
    '25: NEW_CONNECTION_ID that retires itself',
    bytes(0x18, 1, 2, 8, new Uint8Array(8), new Uint8Array(16)),
    E.FRAME_ENCODING_ERROR,
  ],
  ['26: NEW_CONNECTION_ID of no bytes', bytes(0x18, 1, 0, 0, new Uint8Array(16)), E.FRAME_ENCODING_ERROR],
  ['NEW_CONNECTION_ID of 21 bytes', bytes(0x18, 1, 0, 21, new Uint8Array(37)), E.FRAME_ENCODING_ERROR],
  ['27: HANDSHAKE_DONE from a client', bytes(0x1e), E.PROTOCOL_VIOLATION],
  ['RETIRE_CONNECTION_ID never issued', varints(0x19, 1000), E.PROTOCOL_VIOLATION],
  ['RETIRE_CONNECTION_ID of the packet itself', varints(0x19, 0), E.PROTOCOL_VIOLATION],
  ['ACK of a packet never sent', ackOf([1_000_000, 1_000_000]), E.PROTOCOL_VIOLATION],
  ['ACK below 0', varints(0x02, 5, 0, 0, 6), E.FRAME_ENCODING_ERROR],
  ['frame type not in its shortest form', bytes(0x40, 0x01), E.PROTOCOL_VIOLATION],
  ['STREAM beyond its length', bytes(varints(0x0a, 0, 100), 1), E.FRAME_ENCODING_ERROR],
  ['STREAM beyond 2^62', bytes(0x0e, 0, new Uint8Array(8).fill(0xff), 1, 1), E.FRAME_ENCODING_ERROR],
  ['FIN below what came', bytes(varints(0x0e, 0, 10, 1), 1, varints(0x0f, 0, 5, 1), 1), E.FINAL_SIZE_ERROR],
  ['data behind the FIN', bytes(varints(0x0f, 0, 5, 1), 1, varints(0x0e, 0, 10, 1), 1), E.FINAL_SIZE_ERROR],
  [
    'RESET_STREAM with another final size',
    bytes(varints(0x0f, 0, 5, 1), 1, varints(0x04, 0, 0, 9)),
    E.FINAL_SIZE_ERROR,
  ],
  ['RESET_STREAM beyond the limit', varints(0x04, 0, 0, 100_000_000), E.FLOW_CONTROL_ERROR],
  ['RESET_STREAM of stream 10^9', varints(0x04, 1_000_000_000, 0, 0), E.STREAM_LIMIT_ERROR],
  ['STREAM_DATA_BLOCKED of stream 10^9', varints(0x15, 1_000_000_000, 0), E.STREAM_LIMIT_ERROR],
  ['STOP_SENDING of stream 10^9', varints(0x05, 1_000_000_000, 0), E.STREAM_LIMIT_ERROR],
  ['MAX_STREAM_DATA of stream 10^9', varints(0x11, 1_000_000_000, 9), E.STREAM_LIMIT_ERROR],
  ['CRYPTO far ahead', bytes(varints(0x06, 1_000_000, 1), 1), E.CRYPTO_BUFFER_EXCEEDED],
];
for (const [label, frames, errorCode] of serverFrames) {
  test(`server, ${label}`, () => expectClose(afterHandshake('client', frames), errorCode, label));
}

test('server, 13: reserved bits in a Handshake packet', () => {
  const peer = midHandshake('client', HANDSHAKE, varints(0x01), { firstBits: 0x0c });
  expectClose(peer, E.PROTOCOL_VIOLATION, 'reserved bits');
});

test('server, 14: PATH_CHALLENGE in a Handshake packet', () => {
  expectClose(midHandshake('client', HANDSHAKE, bytes(0x1a, new Uint8Array(8))), E.PROTOCOL_VIOLATION, 'challenge');
});

test('server, 15: reserved bits in a short header', () => {
  expectClose(afterHandshake('client', varints(0x01), { firstBits: 0x18 }), E.PROTOCOL_VIOLATION, 'reserved bits');
});

for (const space of [INITIAL, HANDSHAKE] as const) {
  for (const [name, frames] of [
    ['STREAM', bytes(varints(0x0a, 0, 1), 1)],
    ['an application close', varints(0x1d, 0, 0)],
    ['HANDSHAKE_DONE', bytes(0x1e)],
    ['MAX_DATA', varints(0x10, 1)],
  ] as const) {
    test(`server, ${name} in packets of space ${space}`, () => {
      expectClose(midHandshake('client', space, frames), E.PROTOCOL_VIOLATION, name);
    });
  }
}

// --- Against our server: TLS (h3spec 28 to 34)

const KEY_UPDATE = Uint8Array.of(24, 0, 0, 1, 0);
const END_OF_EARLY_DATA = Uint8Array.of(5, 0, 0, 0);

test('server, 28: TLS KeyUpdate behind Finished', () => {
  const peer = withHandshake({
    onHandshakeBytes: (space, data) => (space === HANDSHAKE ? bytes(data, KEY_UPDATE) : data),
  });
  expectClose(peer, tls(Alert.UNEXPECTED_MESSAGE), 'KeyUpdate');
});

test('server, 29: TLS KeyUpdate in 1-RTT', () => {
  const peer = new HostilePeer({ role: 'client' }).connect();
  peer.sendCrypto(APPLICATION, KEY_UPDATE);
  expectClose(peer.runFor(20), tls(Alert.UNEXPECTED_MESSAGE), 'KeyUpdate');
});

test('server, 30: an unknown protocol', () => {
  const peer = withHandshake({ alpnProtocols: ['dummy'] });
  expectClose(peer, tls(Alert.NO_APPLICATION_PROTOCOL), 'ALPN');
});

test('server, 31 and 32: no transport parameters, or under the codepoint of the drafts', () => {
  expectClose(withHandshake({ extension: () => undefined }), tls(Alert.MISSING_EXTENSION), 'none');
  const draft = withHandshake({ extension: (data) => ({ type: 0xffa5, data }) });
  expectClose(draft, tls(Alert.MISSING_EXTENSION), 'draft');
});

test('server, 33: EndOfEarlyData before Finished', () => {
  const peer = withHandshake({
    onHandshakeBytes: (space, data) => (space === HANDSHAKE ? bytes(END_OF_EARLY_DATA, data) : data),
  });
  expectClose(peer, tls(Alert.UNEXPECTED_MESSAGE), 'EndOfEarlyData');
});

test('server, 34: 0-RTT is not accepted, so whatever it carries has no effect', () => {
  const peer = new HostilePeer({
    role: 'client',
    onHandshakeBytes: (space, data) => (space === INITIAL ? data : undefined),
  });
  peer.start().runFor(20);
  const crypto = peer.seal(HANDSHAKE, peer.cryptoFrame(0, Uint8Array.of(1)), { type: PacketType.ZERO_RTT });
  const dropped = peer.connection!.stats().packetsDropped;
  peer.deliver(crypto).runFor(20);
  assert.is(peer.closed, undefined);
  assert.is(peer.connection!.stats().packetsDropped, dropped + 1);
});

test('server, a Finished that was changed', () => {
  const peer = withHandshake({
    onHandshakeBytes: (space, data) => {
      if (space !== HANDSHAKE) return data;
      const wrong = data.slice();
      wrong[wrong.length - 1]! ^= 1;
      return wrong;
    },
  });
  expectClose(peer, tls(Alert.DECRYPT_ERROR), 'Finished');
});

test('server, handshake bytes of the Initial level beyond the ClientHello', () => {
  const peer = withHandshake({
    onHandshakeBytes: (space, data) => (space === INITIAL ? bytes(data, KEY_UPDATE) : data),
  });
  expectClose(peer, tls(Alert.UNEXPECTED_MESSAGE), 'behind the ClientHello');
});

// --- Against our client

const clientParameters: [string, Partial<TransportParameters>][] = [
  ['no original_destination_connection_id', { originalDestinationConnectionId: undefined }],
  ['another original_destination_connection_id', { originalDestinationConnectionId: new Uint8Array(8) }],
  ['no initial_source_connection_id', { initialSourceConnectionId: undefined }],
  ['another initial_source_connection_id', { initialSourceConnectionId: new Uint8Array(8) }],
  ['retry_source_connection_id without a Retry', { retrySourceConnectionId: new Uint8Array(8) }],
  ['max_udp_payload_size 1199', { maxUdpPayloadSize: 1199 }],
  ['ack_delay_exponent 21', { ackDelayExponent: 21 }],
  ['max_ack_delay 2^14', { maxAckDelay: 2 ** 14 }],
  ['active_connection_id_limit 0', { activeConnectionIdLimit: 0 }],
  ['initial_max_streams_bidi 2^61', { initialMaxStreamsBidi: 2 ** 61 }],
  ['preferred_address without an ID', { preferredAddress: { ...preferredAddress, connectionId: new Uint8Array(0) } }],
];
for (const [label, parameters] of clientParameters) {
  test(`client, parameters: ${label}`, () => {
    expectClose(withHandshake({ parameters }, 'server'), E.TRANSPORT_PARAMETER_ERROR, label);
  });
}

const clientFrames: [string, Uint8Array, number][] = [
  ['STREAM on client uni stream 2', bytes(varints(0x0a, 2, 1), 1), E.STREAM_STATE_ERROR],
  ['STREAM on client bidi stream 0 not opened', bytes(varints(0x0a, 0, 1), 1), E.STREAM_STATE_ERROR],
  ['STREAM id 10^9+1', bytes(varints(0x0a, 1_000_000_001, 1), 1), E.STREAM_LIMIT_ERROR],
  ['STREAM 1 at offset 100,000,000', bytes(varints(0x0e, 1, 100_000_000, 1), 1), E.FLOW_CONTROL_ERROR],
  ['RESET_STREAM of client uni stream 2', varints(0x04, 2, 0, 0), E.STREAM_STATE_ERROR],
  ['STOP_SENDING of server uni stream 3', varints(0x05, 3, 0), E.STREAM_STATE_ERROR],
  ['STOP_SENDING of client stream 100', varints(0x05, 100, 0), E.STREAM_STATE_ERROR],
  ['MAX_STREAM_DATA of server uni stream 3', varints(0x11, 3, 9), E.STREAM_STATE_ERROR],
  ['MAX_STREAM_DATA of client stream 100', varints(0x11, 100, 9), E.STREAM_STATE_ERROR],
  ['MAX_STREAMS 2^60+1', bytes(0x12, TOO_MANY_STREAMS), E.FRAME_ENCODING_ERROR],
  ['STREAMS_BLOCKED 2^60+1', bytes(0x17, TOO_MANY_STREAMS), E.FRAME_ENCODING_ERROR],
  ['empty NEW_TOKEN', bytes(0x07, 0), E.FRAME_ENCODING_ERROR],
  ['unknown frame', varints(0x21), E.FRAME_ENCODING_ERROR],
  ['no frames', new Uint8Array(0), E.PROTOCOL_VIOLATION],
  ['RETIRE_CONNECTION_ID never issued', varints(0x19, 1000), E.PROTOCOL_VIOLATION],
  ['RETIRE_CONNECTION_ID of the packet itself', varints(0x19, 0), E.PROTOCOL_VIOLATION],
  ['ACK of a packet never sent', ackOf([1_000_000, 1_000_000]), E.PROTOCOL_VIOLATION],
  ['NEW_CONNECTION_ID that retires itself', bytes(0x18, 1, 2, 8, new Uint8Array(24)), E.FRAME_ENCODING_ERROR],
  ['five connection IDs', bytes(...[1, 2, 3, 4].map((n) => newId(n, 0))), E.CONNECTION_ID_LIMIT_ERROR],
  ['one sequence number, two IDs', bytes(newId(1, 0, 5), newId(1, 0, 6)), E.PROTOCOL_VIOLATION],
  ['one ID, two sequence numbers', bytes(newId(1, 0, 5), newId(2, 0, 5)), E.PROTOCOL_VIOLATION],
  ['one ID, two tokens', bytes(newId(1, 0, 5), newId(1, 0, 5, 1)), E.PROTOCOL_VIOLATION],
];
for (const [label, frames, errorCode] of clientFrames) {
  test(`client, ${label}`, () => expectClose(afterHandshake('server', frames), errorCode, label));
}

function newId(sequence: number, retirePriorTo: number, id: number = sequence, token: number = id): Uint8Array {
  return bytes(varints(0x18, sequence, retirePriorTo), 8, new Uint8Array(8).fill(id), new Uint8Array(16).fill(token));
}

test('client, reserved bits in a short header and in a Handshake packet', () => {
  expectClose(afterHandshake('server', varints(0x01), { firstBits: 0x08 }), E.PROTOCOL_VIOLATION, 'short');
  expectClose(midHandshake('server', HANDSHAKE, varints(0x01), { firstBits: 0x04 }), E.PROTOCOL_VIOLATION, 'long');
});

test('client, STREAM and HANDSHAKE_DONE in a Handshake packet', () => {
  expectClose(midHandshake('server', HANDSHAKE, bytes(varints(0x0a, 1, 1), 1)), E.PROTOCOL_VIOLATION, 'STREAM');
  expectClose(midHandshake('server', HANDSHAKE, bytes(0x1e)), E.PROTOCOL_VIOLATION, 'HANDSHAKE_DONE');
});

test('client, TLS KeyUpdate in 1-RTT', () => {
  const peer = new HostilePeer({ role: 'server' }).connect();
  peer.sendCrypto(APPLICATION, KEY_UPDATE);
  expectClose(peer.runFor(20), tls(Alert.UNEXPECTED_MESSAGE), 'KeyUpdate');
});

test('client, no transport parameters in EncryptedExtensions', () => {
  const peer = withHandshake({ extension: () => undefined }, 'server');
  expectClose(peer, tls(Alert.MISSING_EXTENSION), 'missing');
});

test('client, what is allowed twice: HANDSHAKE_DONE, the same NEW_CONNECTION_ID, NEW_TOKEN, unknown retirements', () => {
  const peer = afterHandshake('server', bytes(0x1e, 0x1e));
  peer.send(APPLICATION, bytes(newId(1, 0), newId(1, 0))).runFor(5);
  peer.send(APPLICATION, bytes(0x07, 3, 1, 2, 3)).runFor(5);
  peer.send(APPLICATION, varints(0x19, 1)).runFor(5);
  peer.send(APPLICATION, varints(0x19, 1)).runFor(5);
  expectAlive(peer, 'harmless');
});

test('client, retire_prior_to moves it to the new ID, and each retirement is told once', () => {
  const peer = afterHandshake('server', newId(1, 1));
  peer.runFor(100);
  assert.is(peer.inbox.frames.filter((line) => line === 'RETIRE_CONNECTION_ID 0').length, 1);
  // An ID below what is retired already comes late: it is given back, once.
  peer.send(APPLICATION, newId(5, 5)).runFor(100);
  for (let i = 0; i < 3; i++) peer.send(APPLICATION, newId(3, 0)).runFor(100);
  assert.is(peer.inbox.frames.filter((line) => line === 'RETIRE_CONNECTION_ID 3').length, 1);
  expectAlive(peer, 'retired');
});

test('client, an Initial with a token is not from a server', () => {
  const peer = new HostilePeer({ role: 'server', acknowledges: false, onHandshakeBytes: () => undefined });
  peer.start().runFor(20);
  const { packetsReceived, packetsDropped } = peer.connection!.stats();
  peer.send(INITIAL, varints(0x01), { token: Uint8Array.of(1, 2) }).runFor(5);
  assert.is(peer.connection!.stats().packetsReceived, packetsReceived);
  assert.is(peer.connection!.stats().packetsDropped, packetsDropped + 1);
});

test('both, an Initial with another source connection ID is dropped', () => {
  for (const role of ['client', 'server'] as const) {
    const peer = new HostilePeer({ role, onHandshakeBytes: (space, data) => (space === INITIAL ? data : undefined) });
    peer.start().runFor(20);
    const { packetsReceived } = peer.connection!.stats();
    // It would be an error if it were opened.
    peer.send(INITIAL, bytes(0x1e), { scid: new Uint8Array(8) }).runFor(5);
    assert.is(peer.connection!.stats().packetsReceived, packetsReceived, role);
    assert.is(peer.closed, undefined, role);
  }
});

test('server, an Initial in a datagram below 1,200 bytes is dropped', () => {
  const peer = new HostilePeer({
    role: 'client',
    acknowledges: false,
    onHandshakeBytes: (space, data) => (space === INITIAL ? data : undefined),
  });
  peer.start().runFor(20);
  const { packetsReceived } = peer.connection!.stats();
  peer.send(INITIAL, varints(0x01), { padTo: 1199 }).runFor(5);
  assert.is(peer.connection!.stats().packetsReceived, packetsReceived);
  peer.send(INITIAL, varints(0x01), { padTo: 1200 }).runFor(5);
  assert.is(peer.connection!.stats().packetsReceived, packetsReceived + 1);
});

test('server, CRYPTO beyond the end of the Handshake level', () => {
  const peer: HostilePeer = new HostilePeer({
    role: 'client',
    onHandshakeBytes: (space, data) => {
      if (space === HANDSHAKE) peer.send(HANDSHAKE, peer.cryptoFrame(5000, Uint8Array.of(1)));
      return data;
    },
  });
  expectClose(peer.start().runFor(60), E.PROTOCOL_VIOLATION, 'gap');
});

test('server, CRYPTO beyond the end of the Initial level', () => {
  const peer = new HostilePeer({ role: 'client', onHandshakeBytes: () => undefined }).start();
  let hello = new Uint8Array(0);
  const other = new HostilePeer({
    role: 'client',
    onHandshakeBytes: (_space, data) => {
      hello = data.slice();
      return undefined;
    },
  });
  other.start();
  // The same IDs, so that the parameters of the other's ClientHello are right for this one.
  peer.scid = other.scid;
  peer.send(INITIAL, peer.cryptoFrame(5000, Uint8Array.of(1))).runFor(5);
  peer.send(INITIAL, peer.cryptoFrame(0, hello)).runFor(5);
  expectClose(peer, E.PROTOCOL_VIOLATION, 'gap');
});

test.run();
