/** The first stream: CONNECT and its answer, keep-alive, DISCONNECT. */
import type { QuicStream, Timer } from '@mquictt/quic-node';
import { MqttError, PacketError } from '../errors.ts';
import { PINGREQ, encodeConnect, encodeDisconnect } from '../packets/codec.ts';
import type { ConnackPacket, ConnectFields, Packet } from '../packets/codec.ts';
import { PacketType, packetTypeName } from '../packets/packet-types.ts';
import { PublishView } from '../packets/publish.ts';
import { ReasonCode, describeReasonCode } from '../reason-codes.ts';
import { PacketStream } from './packet-stream.ts';
import type { PacketStreamHost, PacketStreamOwner } from './packet-stream.ts';

/** ms within which PINGRESP must come. */
const PING_TIMEOUT = 10_000;

export interface ControlStreamHost extends PacketStreamHost {
  /** The broker said goodbye. */
  handleDisconnect(reasonCode: number, reasonString: string | undefined): void;
  /** The connection cannot go on. */
  failConnection(error: MqttError, errorCode: number): void;
}

const view = new PublishView();

export class ControlStream implements PacketStreamOwner {
  readonly #host: ControlStreamHost;
  readonly #stream: PacketStream;
  readonly #keepAliveTimer: Timer;
  #resolveConnack: ((packet: ConnackPacket) => void) | undefined = undefined;
  #rejectConnack: ((error: MqttError) => void) | undefined = undefined;
  #isCleanStart = true;
  /** ms, 0 = off. */
  #keepAlive = 0;
  #lastSent = 0;
  /** ms; Infinity while no PINGRESP is awaited. */
  #pingDeadline = Infinity;

  constructor(stream: QuicStream, host: ControlStreamHost) {
    this.#host = host;
    this.#stream = new PacketStream(stream, host, this);
    this.#keepAliveTimer = host.createTimer(() => this.#onTimer());
  }

  /** @throws MqttError ERR_MQTT_CONNECTION_REFUSED, or why the connection ended */
  connect(fields: ConnectFields): Promise<ConnackPacket> {
    const answer = new Promise<ConnackPacket>((resolve, reject) => {
      this.#resolveConnack = resolve;
      this.#rejectConnack = reject;
    });
    this.#isCleanStart = fields.cleanStart;
    this.#stream.send(encodeConnect(fields));
    return answer;
  }

  /** @param seconds 0 = off */
  startKeepAlive(seconds: number): void {
    this.#keepAlive = seconds * 1000;
    this.#lastSent = this.#host.now();
    this.#setTimer();
  }

  /** Any packet on any stream was sent. [MQTT-3.1.2-20] */
  noteSent(now: number): void {
    this.#lastSent = now;
  }

  /** Says goodbye and ends our half. */
  disconnect(): void {
    this.#keepAliveTimer.clear();
    this.#stream.send(encodeDisconnect(ReasonCode.SUCCESS, undefined, 5));
    this.#stream.end();
  }

  isPaused(): boolean {
    return false;
  }

  /** What a stream had left unacknowledged when it died comes here again: its reader is gone, so it is taken and thrown away. */
  handlePublish(header: number, buffer: Uint8Array, bodyStart: number, end: number): void {
    view.read(header, buffer, bodyStart, end, 5);
    if (this.#rejectConnack !== undefined)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A message came before CONNACK');
    if (view.qos === 1) this.#stream.output.pushPuback(view.packetIdentifier);
    else if (view.qos === 2) throw new PacketError(ReasonCode.QOS_NOT_SUPPORTED, 'A message came with QoS 2');
  }

  handlePacket(packet: Packet): void {
    switch (packet.type) {
      case PacketType.CONNACK:
        this.#handleConnack(packet);
        return;
      case PacketType.PINGRESP:
        this.#pingDeadline = Infinity;
        this.#setTimer();
        return;
      case PacketType.DISCONNECT:
        this.#host.handleDisconnect(packet.reasonCode, packet.reasonString);
        return;
    }
    throw new PacketError(
      ReasonCode.PROTOCOL_ERROR,
      `${packetTypeName(packet.type)} is not expected on the control stream`,
    );
  }

  /** Nothing is published here. */
  handlePuback(): void {}

  handleFlushed(): void {}

  handleOver(error: MqttError | undefined): void {
    this.#keepAliveTimer.clear();
    const over =
      error ?? new MqttError('ERR_MQTT_DISCONNECTED', 'The broker ended the control stream', { fault: 'peer' });
    this.#rejectConnack?.(over);
    this.#rejectConnack = undefined;
    this.#resolveConnack = undefined;
    this.#host.failConnection(over, 0);
  }

  #handleConnack(packet: ConnackPacket): void {
    const resolve = this.#resolveConnack;
    if (resolve === undefined) throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'CONNACK came a second time');
    // [MQTT-3.2.2-2], [MQTT-3.2.2-4]
    if (packet.sessionPresent && this.#isCleanStart)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'CONNACK speaks of a session where none was wanted');
    this.#resolveConnack = undefined;
    if (packet.reasonCode < 0x80) {
      this.#rejectConnack = undefined;
      resolve(packet);
      return;
    }
    const said = packet.reasonString === undefined ? '' : `: ${packet.reasonString}`;
    const message = `The broker refused the connection with ${describeReasonCode(packet.reasonCode)}${said}`;
    const error = new MqttError('ERR_MQTT_CONNECTION_REFUSED', message, {
      fault: 'peer',
      reasonCode: packet.reasonCode,
    });
    this.#rejectConnack?.(error);
    this.#rejectConnack = undefined;
  }

  #onTimer(): void {
    const now = this.#host.now();
    if (now >= this.#pingDeadline) {
      const message = `The broker did not answer a ping within ${PING_TIMEOUT / 1000} seconds`;
      this.#host.failConnection(
        new MqttError('ERR_MQTT_TIMEOUT', message, { fault: 'timeout', reasonCode: ReasonCode.KEEP_ALIVE_TIMEOUT }),
        ReasonCode.KEEP_ALIVE_TIMEOUT,
      );
      return;
    }
    if (this.#pingDeadline === Infinity && now >= this.#lastSent + this.#keepAlive) {
      this.#pingDeadline = now + PING_TIMEOUT;
      this.#stream.send(PINGREQ);
    }
    this.#setTimer();
  }

  #setTimer(): void {
    if (this.#keepAlive === 0 || this.#stream.error !== undefined || this.#stream.isEnding) return;
    this.#keepAliveTimer.set(Math.min(this.#pingDeadline, this.#lastSent + this.#keepAlive));
  }
}
