/** What a peer sees: bytes as packets. */
import { decodePacket } from '../../src/packets/codec.ts';
import type { Packet } from '../../src/packets/codec.ts';
import { readMessageProperties } from '../../src/packets/message-properties.ts';
import type { ReceivedProperties } from '../../src/packets/message-properties.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import type { ProtocolVersion } from '../../src/packets/packet-types.ts';
import { PublishView } from '../../src/packets/publish.ts';
import { PacketSplitter } from '../../src/packets/splitter.ts';
import { text } from './hex.ts';

export interface SeenPublish {
  readonly type: typeof PacketType.PUBLISH;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly text: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly isDuplicate: boolean;
  readonly packetIdentifier: number;
  readonly expiry: number;
  /** -1 = none. */
  readonly topicAlias: number;
  readonly properties: ReceivedProperties;
}

export type SeenPacket = Packet | SeenPublish;

/** Reads packets from pieces of a stream. */
export class PacketReaderOf {
  readonly #splitter = new PacketSplitter(268_435_460);
  readonly #version: ProtocolVersion;

  constructor(version: ProtocolVersion) {
    this.#version = version;
  }

  read(bytes: Uint8Array): SeenPacket[] {
    const splitter = this.#splitter;
    splitter.push(bytes.slice());
    const seen: SeenPacket[] = [];
    for (let header = splitter.next(); header !== -1; header = splitter.next()) {
      const { buffer, start, bodyStart, end } = splitter;
      if (header >> 4 === PacketType.PUBLISH) seen.push(publish(header, buffer, bodyStart, end, this.#version));
      else seen.push(decodePacket(buffer, start, bodyStart, end, this.#version));
    }
    return seen;
  }

  get isBetweenPackets(): boolean {
    return this.#splitter.isBetweenPackets;
  }
}

/** All packets must be PUBLISH. */
export function publishesOf(bytes: Uint8Array, version: ProtocolVersion = 5): SeenPublish[] {
  const reader = new PacketReaderOf(version);
  const seen = reader.read(bytes);
  if (!reader.isBetweenPackets) throw new Error('Bytes end in the middle of a packet');
  return seen.map((packet) => {
    if (packet.type !== PacketType.PUBLISH) throw new Error(`Expected PUBLISH, got packet type ${packet.type}`);
    return packet;
  });
}

function publish(
  header: number,
  buffer: Uint8Array,
  start: number,
  end: number,
  version: ProtocolVersion,
): SeenPublish {
  const view = new PublishView();
  view.read(header, buffer, start, end, version);
  const payload = view.payload().slice();
  return {
    type: PacketType.PUBLISH,
    topic: view.topic(),
    payload,
    text: text(payload),
    qos: view.qos,
    retain: view.isRetain,
    isDuplicate: view.isDuplicate,
    packetIdentifier: view.packetIdentifier,
    expiry: view.messageExpiryInterval,
    topicAlias: view.topicAlias,
    properties: readMessageProperties(view),
  };
}
