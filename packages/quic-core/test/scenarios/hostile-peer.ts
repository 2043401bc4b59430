/**
 * A peer that obeys nobody: it speaks TLS properly where it is not told otherwise, so it has all keys, and with them seals whatever a test wants to throw at a
 * live endpoint: any frames in any kind of packet, any header bits, any packet number, any connection ID, from any address.
 */
import {
  createEndpoint,
  type Connection,
  type ConnectionEvent,
  type EndpointConfig,
  type PacketProtector,
  type TransportConfig,
} from '@mquictt/quic-core';
import {
  CLIENT_ADDRESS,
  CLIENT_PORT,
  EndpointNode,
  fakeProtector,
  SERVER_ADDRESS,
  SERVER_PORT,
  seededRandom,
  Simulation,
  testCredential,
  testRoots,
  TEST_SERVER_NAME,
  TEST_UNIX_TIME,
  type SeededRandom,
} from '@mquictt/testkit';
import {
  ClientHandshake,
  EncryptionLevel,
  equalBytes,
  nobleProvider,
  ServerHandshake,
  type CipherSuite,
  type Credential,
  type Handshake,
  type ServerConfig,
} from '@mquictt/tls13';
import { Reader, Writer } from '../../src/cursor.ts';
import { writeAck } from '../../src/frames/ack.ts';
import { writeCryptoHeader } from '../../src/frames/crypto.ts';
import { readFrames } from '../../src/frames/read-frames.ts';
import {
  PacketHeader,
  readHeader,
  setPacketLength,
  writeLongHeader,
  writeShortHeader,
} from '../../src/packet-header.ts';
import { decodePacketNumber, readPacketNumber } from '../../src/packet-number.ts';
import { PacketType } from '../../src/packet-type.ts';
import { protectHeader, unprotectHeader } from '../../src/protection/header-protection.ts';
import {
  derivePacketKey,
  derivePacketKeys,
  INITIAL_SUITE,
  initialSecrets,
  nextSecret,
  type PacketKeys,
} from '../../src/protection/keys.ts';
import { PacketBatch } from '../../src/protection/protector.ts';
import { Ranges } from '../../src/recovery/ranges.ts';
import { retryIntegrityTag } from '../../src/retry.ts';
import {
  DEFAULT_TRANSPORT_PARAMETERS,
  encodeTransportParameters,
  type TransportParameters,
} from '../../src/transport-parameters.ts';
import { VERSION_1 } from '../../src/version.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

export const INITIAL = 0;
export const HANDSHAKE = 1;
export const APPLICATION = 2;
export type SpaceIndex = 0 | 1 | 2;

const LEVELS = [EncryptionLevel.INITIAL, EncryptionLevel.HANDSHAKE, EncryptionLevel.APPLICATION] as const;
const TYPES = [PacketType.INITIAL, PacketType.HANDSHAKE, PacketType.ONE_RTT] as const;
const TAG_LENGTH = 16;
const CRYPTO_PIECE = 1000;

export interface HostileOptions {
  readonly role: 'client' | 'server';
  readonly seed?: number;
  readonly protector?: PacketProtector;
  /** Of the victim. */
  readonly transport?: TransportConfig;
  readonly endpoint?: Partial<EndpointConfig>;
  /** Changes what it announces. */
  readonly parameters?: Partial<TransportParameters>;
  /** The whole extension, in place of well-formed parameters; undefined in the result leaves it out. */
  readonly extension?: (data: Uint8Array) => { type: number; data: Uint8Array } | undefined;
  readonly alpnProtocols?: readonly string[];
  /** Changes the TLS configuration of the victim. */
  readonly victim?: Partial<Pick<ServerConfig, 'alpnProtocols' | 'groups' | 'clientAuthentication'>>;
  /** Its certificate; a server has a good one of its own otherwise. */
  readonly credential?: Credential;
  /** Changes or withholds TLS messages on their way out. */
  readonly onHandshakeBytes?: (space: SpaceIndex, data: Uint8Array) => Uint8Array | undefined;
  /** As a server: answer the first Initial with a Retry that carries this token. */
  readonly retryToken?: Uint8Array;
  /** Acknowledge what arrives. @default true */
  readonly acknowledges?: boolean;
}

export interface SendOptions {
  /** Bits to turn round in the first byte before it is protected. */
  readonly firstBits?: number;
  readonly packetNumber?: number;
  readonly dcid?: Uint8Array;
  readonly scid?: Uint8Array;
  readonly token?: Uint8Array;
  /** Size of the datagram; Initial ones are padded to 1,200 unless told otherwise. */
  readonly padTo?: number;
  readonly address?: string;
  readonly port?: number;
  /** 0-RTT or another type with the keys of the space. */
  readonly type?: PacketType;
}

interface Generation {
  readonly suite: CipherSuite;
  secrets: Uint8Array[];
  keys: PacketKeys['packetKey'][];
}

/** What the victim said when it closed. */
export interface CloseFrame {
  readonly space: SpaceIndex;
  readonly application: boolean;
  readonly errorCode: number;
  readonly frameType: number;
  readonly reason: string;
}

class Inbox extends RecordingHandler {
  readonly #peer: HostilePeer;
  space: SpaceIndex = 0;

  constructor(peer: HostilePeer) {
    super();
    this.#peer = peer;
  }

  override onCrypto(offset: number, buffer: Uint8Array, start: number, end: number): void {
    this.frames.push(`CRYPTO ${offset} ${end - start}`);
    this.#peer.onCrypto(this.space, offset, buffer.slice(start, end));
  }

  override onConnectionClose(
    application: boolean,
    errorCode: number,
    frameType: number,
    buffer: Uint8Array,
    reasonStart: number,
    reasonEnd: number,
  ): void {
    const reason = new TextDecoder().decode(buffer.subarray(reasonStart, reasonEnd));
    this.frames.push(`CONNECTION_CLOSE ${application} ${errorCode}`);
    this.#peer.closes.push({ space: this.space, application, errorCode, frameType, reason });
  }
}

export class HostilePeer {
  readonly simulation: Simulation;
  readonly random: SeededRandom;
  readonly victim: EndpointNode;
  readonly isClient: boolean;
  /** The victim's side of the first connection. */
  connection: Connection | undefined;
  readonly events: ConnectionEvent[] = [];
  readonly closes: CloseFrame[] = [];
  readonly inbox: Inbox;
  /** Datagrams of the victim's, with where they went. */
  readonly datagrams: { bytes: Uint8Array; address: string; port: number; at: number }[] = [];
  acknowledges: boolean;
  /** Withholds everything of these spaces that TLS wants to send. */
  handshake: Handshake | undefined;
  isComplete: boolean = false;

  scid: Uint8Array;
  dcid: Uint8Array;
  originalDcid: Uint8Array;
  /** Source of the Retry that it sent. */
  retryScid: Uint8Array | undefined;
  /** Tokens of the victim's Initials. */
  readonly tokens: Uint8Array[] = [];
  readonly nextPacketNumber: [number, number, number] = [0, 0, 0];
  readonly received: readonly [Ranges, Ranges, Ranges] = [new Ranges(), new Ranges(), new Ranges()];
  /** Bytes of TLS that went out, per space. */
  readonly cryptoSent: [number, number, number] = [0, 0, 0];

  readonly #options: HostileOptions;
  readonly #protector: PacketProtector;
  readonly #read: [PacketKeys | undefined, PacketKeys | undefined, PacketKeys | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  readonly #write: [PacketKeys | undefined, PacketKeys | undefined, PacketKeys | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  #readGeneration: Generation | undefined;
  #writeGeneration: Generation | undefined;
  /** Key phase of what it sends and of the newest that it opened. */
  writePhase: number = 0;
  readPhase: number = 0;
  readonly #crypto: [Map<number, Uint8Array>, Map<number, Uint8Array>, Map<number, Uint8Array>] = [
    new Map(),
    new Map(),
    new Map(),
  ];
  readonly #cryptoRead: [number, number, number] = [0, 0, 0];

  constructor(options: HostileOptions) {
    this.#options = options;
    this.isClient = options.role === 'client';
    this.acknowledges = options.acknowledges ?? true;
    this.simulation = new Simulation(options.seed === undefined ? {} : { seed: options.seed });
    this.random = seededRandom(this.simulation.seed + 77);
    this.#protector = options.protector ?? fakeProtector;
    this.scid = this.random.bytes(8);
    this.dcid = this.random.bytes(8);
    this.originalDcid = this.dcid;
    this.inbox = new Inbox(this);
    const random = seededRandom(this.simulation.seed + 78);
    const provider = nobleProvider;
    const common = { provider, random, alpnProtocols: ['test'], ...options.victim };
    const endpoint = createEndpoint({
      provider,
      random,
      protector: this.#protector,
      unixTime: () => TEST_UNIX_TIME,
      ...(options.transport === undefined ? {} : { transport: options.transport }),
      ...(this.isClient
        ? { server: { ...common, credential: testCredential('ecdsa-p256', provider, random) } }
        : { client: { ...common, roots: testRoots() } }),
      ...options.endpoint,
    });
    this.victim = new EndpointNode({
      simulation: this.simulation,
      name: this.isClient ? 'server' : 'client',
      endpoint,
      handlers: {
        onIncoming: (connection) => (this.connection ??= connection),
        onEvent: (connection, event) => {
          if (connection === this.connection) this.events.push(event);
        },
      },
      send: (bytes, address, port) => {
        const copy = bytes.slice();
        this.simulation.at(this.simulation.now + 1, () => {
          this.datagrams.push({ bytes: copy.slice(), address, port, at: this.simulation.now });
          this.#onDatagram(copy);
        });
      },
    });
  }

  get parameters(): TransportParameters {
    return {
      ...DEFAULT_TRANSPORT_PARAMETERS,
      initialMaxData: 1 << 24,
      initialMaxStreamDataBidiLocal: 1 << 20,
      initialMaxStreamDataBidiRemote: 1 << 20,
      initialMaxStreamDataUni: 1 << 20,
      initialMaxStreamsBidi: 100,
      initialMaxStreamsUni: 100,
      activeConnectionIdLimit: 4,
      initialSourceConnectionId: this.scid,
      originalDestinationConnectionId: this.isClient ? undefined : this.originalDcid,
      retrySourceConnectionId: this.retryScid,
      ...this.#options.parameters,
    };
  }

  /** Begins: sends a ClientHello, or has the victim send one. */
  start(): this {
    if (this.isClient) {
      this.#deriveInitial(this.dcid);
      this.#startHandshake();
      this.handshake!.start(TEST_UNIX_TIME);
      this.#drain();
    } else {
      const { endpoint } = this.victim;
      this.connection = endpoint.connect(
        { serverName: TEST_SERVER_NAME, address: SERVER_ADDRESS, port: SERVER_PORT },
        this.simulation.now,
      );
      this.victim.adopt(this.connection);
    }
    return this;
  }

  /** Starts and lets the handshake come to its end on both sides. */
  connect(): this {
    this.start();
    this.runFor(100);
    if (!this.isComplete || this.connection?.isConnected !== true) {
      throw new Error(`Handshake failed with ${this.connection?.closeError?.message}, SEED=${this.simulation.seed}`);
    }
    return this;
  }

  runFor(ms: number): this {
    this.simulation.runUntil(this.simulation.now + ms);
    return this;
  }

  get closed(): CloseFrame | undefined {
    return this.closes[0];
  }

  /** Sends one packet of frames. */
  send(space: SpaceIndex, frames: Uint8Array, options: SendOptions = {}): this {
    return this.deliver(this.seal(space, frames, options), options);
  }

  deliver(datagram: Uint8Array, { address, port }: SendOptions = {}): this {
    const home = this.isClient ? [CLIENT_ADDRESS, CLIENT_PORT] : [SERVER_ADDRESS, SERVER_PORT];
    this.victim.deliver(datagram, address ?? (home[0] as string), port ?? (home[1] as number));
    return this;
  }

  /** @returns a sealed packet, for send() or to be put together with others */
  seal(space: SpaceIndex, frames: Uint8Array, options: SendOptions = {}): Uint8Array {
    const keys = this.#write[space];
    if (keys === undefined) throw new Error(`No keys to write in space ${space}`);
    const packetNumber = options.packetNumber ?? this.nextPacketNumber[space];
    this.nextPacketNumber[space] = Math.max(this.nextPacketNumber[space], packetNumber + 1);
    const dcid = options.dcid ?? this.dcid;
    const scid = options.scid ?? this.scid;
    const token = options.token ?? new Uint8Array(0);
    const bytes = new Uint8Array(frames.length + token.length + 1400 + (options.padTo ?? 0));
    const writer = new Writer().reset(bytes, 0, bytes.length);
    const type = options.type ?? TYPES[space];
    let lengthOffset = -1;
    if (space === APPLICATION && options.type === undefined) {
      writeShortHeader(writer, dcid, this.writePhase & 1, 0, packetNumber, 4);
    } else {
      lengthOffset = writeLongHeader(writer, VERSION_1, type, dcid, scid, token, packetNumber, 4);
    }
    const payloadStart = writer.position;
    bytes[0]! ^= options.firstBits ?? 0;
    writer.bytes(frames);
    const padTo = options.padTo ?? (space === INITIAL ? 1200 : 0);
    const missing = padTo - TAG_LENGTH - writer.position;
    if (missing > 0) writer.fill(0, missing);
    const payloadEnd = writer.position;
    if (lengthOffset >= 0) setPacketLength(bytes, lengthOffset, payloadEnd + TAG_LENGTH);
    const batch = new PacketBatch(1);
    batch.add(0, payloadStart, payloadEnd, packetNumber);
    const packetKey = space === APPLICATION ? this.#generationKey(true, this.writePhase) : keys.packetKey;
    packetKey.seal(bytes, batch);
    const mask = new Uint8Array(5);
    const end = payloadEnd + TAG_LENGTH;
    if (payloadStart + TAG_LENGTH <= end) {
      keys.headerKey.masks(bytes, Int32Array.of(payloadStart), 1, mask);
      protectHeader(bytes, 0, payloadStart - 4, 4, mask, 0);
    }
    return bytes.slice(0, end);
  }

  /** The ACK of everything that arrived in a space. */
  ackFrame(space: SpaceIndex): Uint8Array {
    return frame((writer) => void writeAck(writer, this.received[space], 0, 1000));
  }

  cryptoFrame(offset: number, data: Uint8Array): Uint8Array {
    return frame((writer) => {
      writeCryptoHeader(writer, offset, data.length);
      writer.bytes(data);
    });
  }

  /** Goes over to the next key phase for what it sends. */
  updateKeys(): void {
    this.writePhase++;
  }

  /** Called by the inbox. */
  onCrypto(space: SpaceIndex, offset: number, data: Uint8Array): void {
    this.#crypto[space].set(offset, data);
  }

  #startHandshake(): void {
    const { extension, alpnProtocols = ['test'], credential } = this.#options;
    const data = encodeTransportParameters(this.parameters, this.random);
    const one = extension === undefined ? { type: 0x39, data } : extension(data);
    const extensions = one === undefined ? [] : [one];
    const common = { provider: nobleProvider, random: this.random, alpnProtocols };
    this.handshake = this.isClient
      ? new ClientHandshake(
          { ...common, roots: testRoots(), ...(credential === undefined ? {} : { credential }) },
          { serverName: TEST_SERVER_NAME, extensions },
        )
      : new ServerHandshake(
          { ...common, credential: credential ?? testCredential('ecdsa-p256', nobleProvider, this.random) },
          { extensions },
        );
  }

  #deriveInitial(dcid: Uint8Array): void {
    const secrets = initialSecrets(nobleProvider, VERSION_1, dcid);
    const client = derivePacketKeys(nobleProvider, this.#protector, VERSION_1, INITIAL_SUITE, secrets.client);
    const server = derivePacketKeys(nobleProvider, this.#protector, VERSION_1, INITIAL_SUITE, secrets.server);
    this.#read[INITIAL] = this.isClient ? server : client;
    this.#write[INITIAL] = this.isClient ? client : server;
  }

  #drain(): void {
    const handshake = this.handshake!;
    for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
      if (event.type === 'send') {
        const space = spaceOf(event.level);
        const change = this.#options.onHandshakeBytes;
        const data = change === undefined ? event.data : change(space, event.data);
        if (data !== undefined) this.sendCrypto(space, data);
      } else if (event.type === 'read-secret' || event.type === 'write-secret') {
        const space = spaceOf(event.level);
        const keys = derivePacketKeys(nobleProvider, this.#protector, VERSION_1, event.suite, event.secret);
        const isRead = event.type === 'read-secret';
        (isRead ? this.#read : this.#write)[space] = keys;
        if (space === APPLICATION) {
          const generation = { suite: event.suite, secrets: [event.secret], keys: [keys.packetKey] };
          if (isRead) this.#readGeneration = generation;
          else this.#writeGeneration = generation;
        }
      } else if (event.type === 'judge-peer-chain') handshake.acceptPeerChain();
      else if (event.type === 'complete') {
        this.isComplete = true;
        if (!this.isClient) this.send(APPLICATION, Uint8Array.of(0x1e));
      }
    }
  }

  /** Sends TLS bytes behind those that went before. */
  sendCrypto(space: SpaceIndex, data: Uint8Array): this {
    for (let at = 0; at < data.length; at += CRYPTO_PIECE) {
      const piece = data.subarray(at, at + CRYPTO_PIECE);
      this.send(space, this.cryptoFrame(this.cryptoSent[space], piece));
      this.cryptoSent[space] += piece.length;
    }
    return this;
  }

  #generationKey(isWrite: boolean, phase: number): PacketKeys['packetKey'] {
    const generation = (isWrite ? this.#writeGeneration : this.#readGeneration)!;
    while (generation.keys.length <= phase) {
      const secret = nextSecret(nobleProvider, VERSION_1, generation.suite, generation.secrets.at(-1)!);
      generation.secrets.push(secret);
      generation.keys.push(derivePacketKey(nobleProvider, this.#protector, VERSION_1, generation.suite, secret));
    }
    return generation.keys[phase]!;
  }

  #onDatagram(bytes: Uint8Array): void {
    const header = new PacketHeader();
    const eliciting = new Set<SpaceIndex>();
    for (let at = 0; at < bytes.length;) {
      if (!readHeader(header, bytes, at, bytes.length, this.scid.length)) return;
      if (header.type === PacketType.INITIAL) {
        this.tokens.push(bytes.slice(header.tokenStart, header.tokenStart + header.tokenLength));
      }
      if (!this.isClient && this.handshake === undefined && !this.#meetClient(bytes, header)) return;
      const end = header.packetEnd;
      const space = TYPES.indexOf(header.type as never) as SpaceIndex;
      if (space >= 0 && this.#read[space] !== undefined) {
        if (this.isClient && space === INITIAL) {
          this.dcid = bytes.slice(header.scidStart, header.scidStart + header.scidLength);
        }
        if (this.#openPacket(space, bytes, at, header)) eliciting.add(space);
      }
      at = end;
    }
    for (const space of eliciting) {
      if (this.acknowledges && this.#write[space] !== undefined) this.send(space, this.ackFrame(space));
    }
  }

  /** @returns false where it sent a Retry instead */
  #meetClient(bytes: Uint8Array, header: PacketHeader): boolean {
    const dcid = bytes.slice(header.dcidStart, header.dcidStart + header.dcidLength);
    this.dcid = bytes.slice(header.scidStart, header.scidStart + header.scidLength);
    const { retryToken } = this.#options;
    if (this.retryScid === undefined) this.originalDcid = dcid;
    // A ClientHello of several datagrams gets a Retry for each, all the same.
    if (retryToken !== undefined && (this.retryScid === undefined || !equalBytes(dcid, this.retryScid))) {
      this.retryScid ??= this.random.bytes(11);
      this.deliver(this.retry(this.retryScid, retryToken));
      return false;
    }
    this.#deriveInitial(dcid);
    this.#startHandshake();
    return true;
  }

  /** @returns an authentic Retry for the client that was met, or at least heard */
  retry(scid: Uint8Array, token: Uint8Array): Uint8Array {
    const head = frame((writer) => {
      writer.uint8(0xf0);
      writer.uint32(VERSION_1.version);
      writer.uint8(this.dcid.length);
      writer.bytes(this.dcid);
      writer.uint8(scid.length);
      writer.bytes(scid);
      writer.bytes(token);
    });
    const tag = retryIntegrityTag(nobleProvider, VERSION_1, this.originalDcid, head);
    return Uint8Array.from([...head, ...tag]);
  }

  /** @returns whether it wants to be acknowledged */
  #openPacket(space: SpaceIndex, bytes: Uint8Array, start: number, header: PacketHeader): boolean {
    const keys = this.#read[space]!;
    const offset = header.packetNumberOffset;
    if (header.sampleOffset < 0) return false;
    const mask = new Uint8Array(5);
    const headerBefore = bytes.slice(start, offset + 4);
    keys.headerKey.masks(bytes, Int32Array.of(header.sampleOffset), 1, mask);
    const length = unprotectHeader(bytes, start, offset, mask, 0);
    const received = this.received[space];
    const packetNumber = decodePacketNumber(received.largest, readPacketNumber(bytes, offset, length), length);
    const batch = new PacketBatch(1);
    batch.add(start, offset + length, header.packetEnd, packetNumber);
    let packetKey = keys.packetKey;
    let phase = this.readPhase;
    if (space === APPLICATION) {
      const bit = (bytes[start]! & 0x04) === 0 ? 0 : 1;
      if ((phase & 1) !== bit) phase++;
      packetKey = this.#generationKey(false, phase);
    }
    packetKey.open(bytes, batch);
    if (batch.ok[0] === 0) {
      bytes.set(headerBefore, start);
      return false;
    }
    this.readPhase = space === APPLICATION ? phase : this.readPhase;
    received.add(packetNumber, packetNumber + 1);
    this.inbox.space = space;
    const reader = new Reader().reset(bytes, offset + length, header.packetEnd - TAG_LENGTH);
    const content = readFrames(reader, TYPES[space], this.inbox);
    this.#feedHandshake(space);
    return (content & 1) !== 0;
  }

  #feedHandshake(space: SpaceIndex): void {
    const pieces = this.#crypto[space];
    for (const [offset, data] of [...pieces].sort((a, b) => a[0] - b[0])) {
      const from = this.#cryptoRead[space] - offset;
      if (from < 0) continue;
      pieces.delete(offset);
      if (from >= data.length) continue;
      this.#cryptoRead[space] += data.length - from;
      try {
        this.handshake!.handleMessages(LEVELS[space], data.subarray(from), TEST_UNIX_TIME);
        this.#drain();
      } catch {
        // It may have been told to break the handshake.
      }
    }
  }
}

function spaceOf(level: EncryptionLevel): SpaceIndex {
  return level === EncryptionLevel.INITIAL ? INITIAL : level === EncryptionLevel.HANDSHAKE ? HANDSHAKE : APPLICATION;
}

/** Bytes of one frame, or of several. */
export function frame(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer().reset(new Uint8Array(4096), 0, 4096);
  write(writer);
  return writer.buffer.slice(0, writer.position);
}

/** Varints one after another: most frames are no more than that. */
export function varints(...values: number[]): Uint8Array {
  return frame((writer) => values.forEach((value) => writer.varint(value)));
}

/** An ACK frame of ranges [first, last], the newest first. */
export function ackOf(...ranges: [number, number][]): Uint8Array {
  const [newest] = ranges;
  const numbers = [2, newest![1], 0, ranges.length - 1, newest![1] - newest![0]];
  for (let i = 1; i < ranges.length; i++) {
    numbers.push(ranges[i - 1]![0] - ranges[i]![1] - 2, ranges[i]![1] - ranges[i]![0]);
  }
  return varints(...numbers);
}
