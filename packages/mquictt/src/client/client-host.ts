/** What the streams of one client share: its connection, its packet identifiers, what the broker said, and why it all ended. */
import type { QuicConnection, QuicError, Runtime, Timer } from '@mquictt/quic-node';
import { InFlightWindow } from '../core/in-flight.ts';
import { MqttError } from '../errors.ts';
import type { ConnackPacket } from '../packets/codec.ts';
import { disconnectedError } from '../quic-options.ts';
import { describeReasonCode } from '../reason-codes.ts';
import type { ControlStreamHost } from './control-stream.ts';
import { ControlStream } from './control-stream.ts';
import type { OpenStream } from './packet-stream.ts';
import type { PublisherHost } from './publisher.ts';

/** ms that the broker has, after its DISCONNECT, to close the connection. */
const DISCONNECT_DEADLINE = 1_000;

export class ClientHost implements ControlStreamHost, PublisherHost {
  readonly window: InFlightWindow = new InFlightWindow(65_535);
  readonly maxPacketSize: number;
  readonly control: ControlStream;
  /** Publishers and subscribers that are not over. */
  readonly open: Set<OpenStream> = new Set();
  readonly clientId: string;
  peerMaxPacketSize = 268_435_460;
  isRetainAvailable = true;
  maximumQos = 1;
  readonly #connection: QuicConnection;
  readonly #runtime: Runtime;
  /** Why the connection ends, where MQTT said more than QUIC will. */
  #reason: MqttError | undefined = undefined;
  #disconnectCode = 0;

  constructor(connection: QuicConnection, runtime: Runtime, clientId: string, maxPacketSize: number) {
    this.#connection = connection;
    this.#runtime = runtime;
    this.clientId = clientId;
    this.maxPacketSize = maxPacketSize;
    const stream = connection.tryOpenStream();
    if (stream === undefined)
      throw new MqttError('ERR_MQTT_UNREACHABLE', 'The broker allows no streams', { fault: 'peer' });
    this.control = new ControlStream(stream, this);
  }

  /** Takes over what CONNACK said. */
  accept(connack: ConnackPacket, keepAlive: number): void {
    this.window.receiveMaximum = connack.receiveMaximum ?? 65_535; // [MQTT-3.3.4-7]
    this.peerMaxPacketSize = connack.maximumPacketSize ?? this.peerMaxPacketSize;
    this.isRetainAvailable = connack.retainAvailable ?? true;
    this.maximumQos = connack.maximumQos ?? 2;
    this.control.startKeepAlive(keepAliveOf(keepAlive, connack.serverKeepAlive));
  }

  now(): number {
    return this.#runtime.now();
  }

  createTimer(callback: () => void): Timer {
    return this.#runtime.createTimer(callback);
  }

  noteSent(now: number): void {
    this.control.noteSent(now);
  }

  forget(stream: OpenStream): void {
    this.open.delete(stream);
  }

  handleDisconnect(reasonCode: number, reasonString: string | undefined): void {
    this.#disconnectCode = reasonCode;
    const said = reasonString === undefined ? '' : `: ${reasonString}`;
    this.#reason ??= new MqttError(
      'ERR_MQTT_DISCONNECTED',
      `The broker ended the connection with ${describeReasonCode(reasonCode)}${said}`,
      { fault: 'peer', reasonCode },
    );
    // It closes the connection as well; where it does not, we do (MQTT 5 §3.14.4).
    void this.#connection.close({ deadline: DISCONNECT_DEADLINE });
  }

  failConnection(error: MqttError, errorCode: number): void {
    this.#reason ??= error;
    // The broker closes the connection after its DISCONNECT; where it only ends the control stream, we do.
    const isPeer = this.#disconnectCode !== 0 || error.code === 'ERR_MQTT_DISCONNECTED';
    void this.#connection.close(isPeer ? { errorCode, deadline: DISCONNECT_DEADLINE } : { errorCode, immediate: true });
  }

  connectionError(error: QuicError): MqttError {
    return this.#reason ?? disconnectedError(error, this.#disconnectCode);
  }

  /** Why the connection ended; undefined when we closed it. */
  endError(error: QuicError | undefined): MqttError | undefined {
    if (this.#reason !== undefined) return this.#reason;
    return error === undefined ? undefined : disconnectedError(error, this.#disconnectCode);
  }
}

/** [MQTT-3.2.2-21]; pinging more often than the broker wants is allowed, and is what our idle timeout reckons with. */
function keepAliveOf(ours: number, servers: number | undefined): number {
  if (servers === undefined || servers === 0) return ours;
  return ours === 0 ? servers : Math.min(ours, servers);
}
