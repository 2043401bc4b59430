/**
 * A writer and a reader by the book of MQTT 5: they keep their sessions in memory, lose their connections now and then, come back, and resend what was not
 * acknowledged. They speak on one QUIC stream each.
 */
import { RootStore, connect } from '@mquictt/quic-node';
import type { QuicConnection, QuicStream } from '@mquictt/quic-node';
import * as codec from '../../src/packets/codec.ts';
import { PacketType } from '../../src/packets/packet-types.ts';
import { publishBytes } from './core-harness.ts';
import { concat } from './hex.ts';
import { PacketReaderOf } from './packets.ts';
import type { SeenPacket, SeenPublish } from './packets.ts';

const { CONNACK, PINGRESP, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType;

export interface PeerOptions {
  readonly clientId: string;
  readonly caPem: string;
}

abstract class Peer {
  sessionPresent = false;
  readonly #options: PeerOptions;
  #connection: QuicConnection | undefined = undefined;
  #stream: QuicStream | undefined = undefined;
  #unwritten: Uint8Array[] = [];
  #onPingresp: () => void = () => {};

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /** Connects, and goes on where it was. */
  async connect(port: number): Promise<void> {
    const { clientId, caPem } = this.#options;
    const roots = RootStore.fromPem(caPem);
    const connection = await connect({
      host: '127.0.0.1',
      port,
      serverName: 'localhost',
      alpnProtocols: ['mqtt'],
      roots,
    });
    const stream = await connection.openStream();
    const fields = {
      protocolVersion: 5,
      clientId,
      cleanStart: false,
      keepAlive: 0,
      sessionExpiryInterval: 600,
    } as const;
    await stream.write(codec.encodeConnect({ ...fields, receiveMaximum: 65_535 }));
    this.#connection = connection;
    this.#stream = stream;
    await new Promise<void>((resolve, reject) => {
      const reading = this.#read(stream, resolve);
      reading.then(() => reject(new Error('The connection ended before CONNACK')), reject);
    });
    this.resume();
    this.flush();
  }

  /** Returns when the broker has handled everything that was sent. */
  async settle(): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.#onPingresp = resolve));
    this.send(codec.PINGREQ);
    this.flush();
    await answered;
  }

  /** The broker is known to be gone. */
  async drop(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#stream = undefined;
    this.#unwritten = [];
    await connection?.close({ immediate: true });
  }

  protected abstract handle(packet: SeenPacket): void;
  protected abstract resume(): void;

  protected send(packet: Uint8Array): void {
    this.#unwritten.push(packet);
  }

  protected flush(): void {
    if (this.#unwritten.length === 0) return;
    const bytes = concat(...this.#unwritten);
    this.#unwritten = [];
    // What is lost with the connection is sent again on the next.
    this.#stream?.write(bytes).catch(() => {});
  }

  async #read(stream: QuicStream, onConnack: () => void): Promise<void> {
    const reader = new PacketReaderOf(5);
    try {
      for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) {
        if (stream !== this.#stream) return;
        for (const packet of reader.read(chunk)) {
          if (packet.type === CONNACK) {
            this.sessionPresent = packet.sessionPresent;
            onConnack();
          } else if (packet.type === PINGRESP) {
            this.#onPingresp();
          } else {
            this.handle(packet);
          }
        }
        this.flush();
      }
    } catch (error) {
      // A connection that was dropped ends its streams.
      if (stream === this.#stream) throw error;
    }
  }
}

interface Exchange {
  readonly text: string;
  readonly qos: number;
  isReceived: boolean;
}

/** Publishes `m0`, `m1` and so on, with QoS 1 and 2 in turn. */
export class Writer extends Peer {
  /** Acknowledged messages. */
  acknowledged = 0;
  /** Called after each acknowledgement. */
  onAcknowledged: () => void = () => {};
  readonly #total: number;
  readonly #window: number;
  readonly #exchanges = new Map<number, Exchange>();
  #next = 0;
  #lastIdentifier = 0;

  constructor(options: PeerOptions, total: number, window: number) {
    super(options);
    this.#total = total;
    this.#window = window;
  }

  protected resume(): void {
    for (const [identifier, { text, qos, isReceived }] of this.#exchanges) {
      if (isReceived) this.send(codec.encodeAcknowledgement(PUBREL, identifier, 0, 5));
      else this.send(publishBytes('t', text, { qos, duplicate: true }, 5, identifier));
    }
    this.#fill();
  }

  protected handle(packet: SeenPacket): void {
    const { type, packetIdentifier, reasonCode } = packet as codec.AcknowledgementPacket;
    const exchange = this.#exchanges.get(packetIdentifier);
    if (exchange === undefined) return;
    if (reasonCode >= 0x80 && type !== PUBCOMP) throw new Error(`${exchange.text} was refused with ${reasonCode}`);
    if (type === PUBREC) {
      exchange.isReceived = true;
      this.send(codec.encodeAcknowledgement(PUBREL, packetIdentifier, 0, 5));
    } else if (type === PUBACK || type === PUBCOMP) {
      this.#exchanges.delete(packetIdentifier);
      this.acknowledged++;
      this.#fill();
      this.onAcknowledged();
    }
  }

  #fill(): void {
    while (this.#next < this.#total && this.#exchanges.size < this.#window) {
      this.#lastIdentifier = (this.#lastIdentifier % 65_535) + 1;
      const exchange = { text: `m${this.#next}`, qos: (this.#next % 2) + 1, isReceived: false };
      this.#next++;
      this.#exchanges.set(this.#lastIdentifier, exchange);
      this.send(publishBytes('t', exchange.text, { qos: exchange.qos }, 5, this.#lastIdentifier));
    }
  }
}

/** Takes what comes. */
export class Reader extends Peer {
  /** Messages in the order in which they came, each as often as it came. */
  readonly texts: string[] = [];
  /** Identifiers of messages whose PUBREL has not come. */
  readonly unreleased: Set<number> = new Set();
  #hasSubscribed = false;

  protected resume(): void {
    if (this.#hasSubscribed) return;
    this.#hasSubscribed = true;
    const request = { topicFilter: 't', qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 };
    this.send(codec.encodeSubscribe(1, [request], 0, 5));
  }

  protected handle(packet: SeenPacket): void {
    if (packet.type === PUBREL) {
      this.unreleased.delete(packet.packetIdentifier);
      this.send(codec.encodeAcknowledgement(PUBCOMP, packet.packetIdentifier, 0, 5));
    } else if (packet.type === PUBLISH) {
      const { qos, text, packetIdentifier } = packet as SeenPublish;
      // [MQTT-4.3.3-10]
      if (qos === 1 || !this.unreleased.has(packetIdentifier)) this.texts.push(text);
      if (qos === 2) this.unreleased.add(packetIdentifier);
      this.send(codec.encodeAcknowledgement(qos === 1 ? PUBACK : PUBREC, packetIdentifier, 0, 5));
    }
  }
}
