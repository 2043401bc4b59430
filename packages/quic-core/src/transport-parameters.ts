/**
 * Transport parameters (RFC 9000 §7.4, §18): what each side announces in its first TLS messages.
 *
 * Whether the connection IDs in them are the ones that were used (§7.3) is the connection's to check. Version information (RFC 9368) is left out.
 */
import type { Random } from '@mquictt/tls13';
import { Reader, Writer, varintSize } from './cursor.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import { MAX_CONNECTION_ID_LENGTH, MAX_UDP_PAYLOAD, MIN_DATAGRAM_SIZE } from './limits.ts';
import { exceedsMaxStreams } from './stream-count.ts';

/** A second address of the server, with a connection ID for it (RFC 9000 §18.2). */
export interface PreferredAddress {
  /** 4 bytes; all zero = none. */
  readonly ipv4Address: Uint8Array;
  readonly ipv4Port: number;
  /** 16 bytes; all zero = none. */
  readonly ipv6Address: Uint8Array;
  readonly ipv6Port: number;
  /** 1..20 bytes. Its sequence number is 1. */
  readonly connectionId: Uint8Array;
  /** 16 bytes. */
  readonly statelessResetToken: Uint8Array;
}

/** All parameters of RFC 9000 §18.2, with what holds for those that were not sent. Numbers above 2^53-1 are read as 2^53-1. */
export interface TransportParameters {
  /** Server only. */
  readonly originalDestinationConnectionId: Uint8Array | undefined;
  /** ms; 0 = no idle timeout. */
  readonly maxIdleTimeout: number;
  /** Server only, 16 bytes. */
  readonly statelessResetToken: Uint8Array | undefined;
  /** Bytes, 1200 or more. */
  readonly maxUdpPayloadSize: number;
  readonly initialMaxData: number;
  /** For bidirectional streams that the sender of the parameters opens. */
  readonly initialMaxStreamDataBidiLocal: number;
  /** For bidirectional streams that their receiver opens. */
  readonly initialMaxStreamDataBidiRemote: number;
  readonly initialMaxStreamDataUni: number;
  readonly initialMaxStreamsBidi: number;
  readonly initialMaxStreamsUni: number;
  /** 0..20 */
  readonly ackDelayExponent: number;
  /** ms, below 2^14. */
  readonly maxAckDelay: number;
  readonly disableActiveMigration: boolean;
  /** Server only. */
  readonly preferredAddress: PreferredAddress | undefined;
  /** 2 or more. */
  readonly activeConnectionIdLimit: number;
  /** Every endpoint must send it. */
  readonly initialSourceConnectionId: Uint8Array | undefined;
  /** Server only, after a Retry. */
  readonly retrySourceConnectionId: Uint8Array | undefined;
}

/** What holds where a parameter is absent (RFC 9000 §18.2). */
export const DEFAULT_TRANSPORT_PARAMETERS: TransportParameters = {
  originalDestinationConnectionId: undefined,
  maxIdleTimeout: 0,
  statelessResetToken: undefined,
  maxUdpPayloadSize: MAX_UDP_PAYLOAD,
  initialMaxData: 0,
  initialMaxStreamDataBidiLocal: 0,
  initialMaxStreamDataBidiRemote: 0,
  initialMaxStreamDataUni: 0,
  initialMaxStreamsBidi: 0,
  initialMaxStreamsUni: 0,
  ackDelayExponent: 3,
  maxAckDelay: 25,
  disableActiveMigration: false,
  preferredAddress: undefined,
  activeConnectionIdLimit: 2,
  initialSourceConnectionId: undefined,
  retrySourceConnectionId: undefined,
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type KeysOf<T> = {
  [K in keyof TransportParameters]-?: TransportParameters[K] extends T ? K : never;
}[keyof TransportParameters];
type NumberName = KeysOf<number>;
type BytesName = KeysOf<Uint8Array | undefined>;

/** Integer parameters: id, name, smallest and largest valid value. */
const NUMBERS: readonly (readonly [number, NumberName, number, number])[] = [
  [0x01, 'maxIdleTimeout', 0, Infinity],
  // RFC 9000 §18.2: "Values below 1200 are invalid."
  [0x03, 'maxUdpPayloadSize', MIN_DATAGRAM_SIZE, Infinity],
  [0x04, 'initialMaxData', 0, Infinity],
  [0x05, 'initialMaxStreamDataBidiLocal', 0, Infinity],
  [0x06, 'initialMaxStreamDataBidiRemote', 0, Infinity],
  [0x07, 'initialMaxStreamDataUni', 0, Infinity],
  [0x08, 'initialMaxStreamsBidi', 0, Infinity],
  [0x09, 'initialMaxStreamsUni', 0, Infinity],
  // RFC 9000 §18.2: "Values above 20 are invalid."
  [0x0a, 'ackDelayExponent', 0, 20],
  // RFC 9000 §18.2: "Values of 2^14 or greater are invalid."
  [0x0b, 'maxAckDelay', 0, 2 ** 14 - 1],
  // RFC 9000 §18.2: "The value ... MUST be at least 2."
  [0x0e, 'activeConnectionIdLimit', 2, Infinity],
];

/** Parameters of bytes: id, name, smallest and largest valid length. */
const BYTES: readonly (readonly [number, BytesName, number, number])[] = [
  [0x00, 'originalDestinationConnectionId', 0, MAX_CONNECTION_ID_LENGTH],
  [0x02, 'statelessResetToken', 16, 16],
  [0x0f, 'initialSourceConnectionId', 0, MAX_CONNECTION_ID_LENGTH],
  [0x10, 'retrySourceConnectionId', 0, MAX_CONNECTION_ID_LENGTH],
];

const DISABLE_ACTIVE_MIGRATION = 0x0c;
const PREFERRED_ADDRESS = 0x0d;
/** RFC 9000 §18.2: a client that sends one of these is in error. */
const SERVER_ONLY: ReadonlySet<number> = new Set([0x00, 0x02, PREFERRED_ADDRESS, 0x10]);

/** Everything of a preferred address but its connection ID. */
const PREFERRED_ADDRESS_FIXED_LENGTH = 4 + 2 + 16 + 2 + 1 + 16;

/**
 * Writes parameters; those that have their default value are left out, and one of a reserved kind is added, so that nobody comes to rely on the known
 * ones being all (RFC 9000 §18.1).
 *
 * @returns the content of the quic_transport_parameters extension
 */
export function encodeTransportParameters(parameters: TransportParameters, random: Random): Uint8Array {
  // Every parameter in the largest form it can take, with room to spare: this is called once a connection.
  const writer = new Writer().reset(new Uint8Array(512), 0, 512);
  for (const [id, name] of BYTES) {
    const value = parameters[name];
    if (value !== undefined) writeBytes(writer, id, value);
  }
  for (const [id, name] of NUMBERS) {
    const value = parameters[name];
    if (value === DEFAULT_TRANSPORT_PARAMETERS[name]) continue;
    writer.varint(id);
    writer.varint(varintSize(value));
    writer.varint(value);
  }
  if (parameters.disableActiveMigration) {
    writer.varint(DISABLE_ACTIVE_MIGRATION);
    writer.varint(0);
  }
  if (parameters.preferredAddress !== undefined) writePreferredAddress(writer, parameters.preferredAddress);
  writeGrease(writer, random);
  return writer.buffer.slice(0, writer.position);
}

function writeBytes(writer: Writer, id: number, value: Uint8Array): void {
  writer.varint(id);
  writer.varint(value.length);
  writer.bytes(value);
}

function writePreferredAddress(writer: Writer, address: PreferredAddress): void {
  writer.varint(PREFERRED_ADDRESS);
  writer.varint(PREFERRED_ADDRESS_FIXED_LENGTH + address.connectionId.length);
  writer.bytes(address.ipv4Address);
  writer.uint16(address.ipv4Port);
  writer.bytes(address.ipv6Address);
  writer.uint16(address.ipv6Port);
  writer.uint8(address.connectionId.length);
  writer.bytes(address.connectionId);
  writer.bytes(address.statelessResetToken);
}

function writeGrease(writer: Writer, random: Random): void {
  const bytes = new Uint8Array(12);
  random.fillPublic(bytes);
  const n = (bytes[0]! << 16) | (bytes[1]! << 8) | bytes[2]!;
  // RFC 9000 §18.1: identifiers of the form 31 * N + 27 are reserved for this.
  writeBytes(writer, 31 * n + 27, bytes.subarray(4, 4 + (bytes[3]! & 0x07)));
}

/**
 * Reads and checks the peer's parameters.
 *
 * @param data content of the quic_transport_parameters extension; what is kept is copied
 * @param fromClient whether the peer is a client, who may not send some of them
 * @throws TransportError TRANSPORT_PARAMETER_ERROR
 */
export function decodeTransportParameters(data: Uint8Array, fromClient: boolean): TransportParameters {
  const parameters: Mutable<TransportParameters> = { ...DEFAULT_TRANSPORT_PARAMETERS };
  const reader = new Reader().reset(data, 0, data.length);
  const value = new Reader();
  const seen = new Set<number>();
  while (reader.remaining > 0) {
    const id = reader.varint();
    const length = reader.varint();
    const start = reader.skip(length);
    if (reader.failed) throw parameterError('Transport parameters are cut short');
    // RFC 9000 §7.4: each at most once. Ids above 2^53-1 all look alike here and are left alone: we know none of them.
    if (seen.has(id)) throw parameterError(`Transport parameter ${hex(id)} appears twice`);
    if (id < Number.MAX_SAFE_INTEGER) seen.add(id);
    if (fromClient && SERVER_ONLY.has(id)) throw parameterError(`Transport parameter ${hex(id)} from a client`);
    decodeOne(parameters, id, value.reset(data, start, start + length));
  }
  return parameters;
}

/** RFC 9000 §7.4.2: parameters that are not known are skipped. */
function decodeOne(parameters: Mutable<TransportParameters>, id: number, value: Reader): void {
  for (const [numberId, name, minimum, maximum] of NUMBERS) {
    if (numberId === id) parameters[name] = decodeNumber(name, value, minimum, maximum);
  }
  for (const [bytesId, name, minimum, maximum] of BYTES) {
    if (bytesId === id) parameters[name] = decodeBytes(name, value, minimum, maximum);
  }
  if (id === DISABLE_ACTIVE_MIGRATION) {
    if (value.remaining !== 0) throw parameterError('disableActiveMigration with a value');
    parameters.disableActiveMigration = true;
  }
  if (id === PREFERRED_ADDRESS) parameters.preferredAddress = decodePreferredAddress(value);
}

function decodeNumber(name: NumberName, value: Reader, minimum: number, maximum: number): number {
  const at = value.position;
  const number = value.varint();
  if (value.failed || value.remaining !== 0) throw parameterError(`${name} is not one integer`);
  if (number < minimum || number > maximum) throw parameterError(`${name} out of range: got ${number}`);
  // RFC 9000 §18.2: more streams than 2^60 cannot be numbered.
  if (name.startsWith('initialMaxStreams') && exceedsMaxStreams(value.buffer, at, number)) {
    throw parameterError(`${name} of more than 2^60`);
  }
  return number;
}

function decodeBytes(name: BytesName, value: Reader, minimum: number, maximum: number): Uint8Array {
  const length = value.remaining;
  if (length < minimum || length > maximum) throw parameterError(`${name} of ${length} bytes`);
  return value.bytes(length);
}

function decodePreferredAddress(value: Reader): PreferredAddress {
  const ipv4Address = value.bytes(4);
  const ipv4Port = value.uint16();
  const ipv6Address = value.bytes(16);
  const ipv6Port = value.uint16();
  const connectionId = value.bytes(value.uint8());
  const statelessResetToken = value.bytes(16);
  if (value.failed || value.remaining !== 0) throw parameterError('preferredAddress is malformed');
  // RFC 9000 §18.2: a server without connection IDs must not send one, and one of no bytes here would not tell the new path from the old.
  if (connectionId.length === 0 || connectionId.length > MAX_CONNECTION_ID_LENGTH) {
    throw parameterError(`preferredAddress with a connection ID of ${connectionId.length} bytes`);
  }
  return { ipv4Address, ipv4Port, ipv6Address, ipv6Port, connectionId, statelessResetToken };
}

function parameterError(message: string): TransportError {
  return new TransportError(TransportErrorCode.TRANSPORT_PARAMETER_ERROR, message);
}

function hex(id: number): string {
  return `0x${id.toString(16)}`;
}
