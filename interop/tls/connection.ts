/**
 * A handshake of ours on top of the record layer: what a TLS socket would be, without the socket. For tests only: see record-layer.ts.
 *
 *     start()                    a client says hello
 *     receive(bytes)             never throws: what is wrong becomes an alert, and `error`
 *     takeOutput()               bytes for the peer, empty when there are none; after each call of the others
 */
import {
  Alert,
  EncryptionLevel,
  TlsError,
  type CryptoProvider,
  type Handshake,
  type HandshakeEvent,
} from '@mquictt/tls13';
import { RecordLayer, skippedBytes } from './record-layer.ts';
import { ContentType } from './records.ts';

const { INITIAL, EARLY, APPLICATION } = EncryptionLevel;
/** Events at which the handshake waits for us. */
const DECISIONS: readonly HandshakeEvent['type'][] = ['judge-peer-chain', 'choose-certificate', 'look-up-ticket'];
const FATAL = 2;
const WARNING = 1;
/** Bytes of application data that are kept, in each direction. Tests send less. */
const MAX_KEPT = 1_000_000;

export interface ConnectionOptions {
  readonly provider: CryptoProvider;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Of a client: what to send before the server has answered, if the handshake lets it. */
  readonly earlyData?: Uint8Array;
  /** Of a server: the limit that its tickets name. @default 16,384 */
  readonly maxEarlyDataSize?: number;
}

export class Connection {
  readonly handshake: Handshake;
  /** All events so far. */
  readonly events: HandshakeEvent[] = [];
  /** Why we gave up. */
  error: Error | undefined;
  /** The alert that the peer sent, close_notify (0) included. */
  peerAlert: number | undefined;
  /** Application data that came, as text. */
  received = '';
  /** The part of it that came early. */
  receivedEarly = '';
  readonly #options: ConnectionOptions;
  readonly #records: RecordLayer;
  readonly #decoder = new TextDecoder('latin1');
  #output: Uint8Array[] = [];
  #writeLevel: EncryptionLevel = INITIAL;
  #hasSentHandshake = false;
  /** Whether a decision of ours is awaited. */
  #isWaiting = false;
  readonly #maxEarlyDataSize: number;

  constructor(handshake: Handshake, options: ConnectionOptions) {
    this.handshake = handshake;
    this.#options = options;
    this.#maxEarlyDataSize = options.maxEarlyDataSize ?? 16_384;
    this.#records = new RecordLayer(options.provider);
  }

  start(): void {
    this.#guard(() => {
      this.handshake.start(this.#options.now());
      this.#handleEvents();
    });
  }

  receive(data: Uint8Array): void {
    if (this.error !== undefined || this.peerAlert !== undefined) return;
    this.#guard(() => {
      this.#records.push(data);
      this.#readRecords();
    });
  }

  /** Runs a call into the handshake, such as acceptPeerChain(), and handles what comes of it. What it throws ends the connection. */
  decide(step: (handshake: Handshake) => void): void {
    this.#guard(() => {
      this.#isWaiting = false;
      step(this.handshake);
      this.#handleEvents();
      this.#readRecords();
    });
  }

  /** Sends application data. A server may before the client's Finished has come (RFC 8446 §4.4.4). */
  write(text: string): void {
    this.#send(ContentType.APPLICATION_DATA, APPLICATION, new TextEncoder().encode(text));
  }

  /** Sends close_notify. */
  close(): void {
    if (this.error === undefined)
      this.#send(ContentType.ALERT, this.#writeLevel, Uint8Array.of(WARNING, Alert.CLOSE_NOTIFY));
  }

  takeOutput(): Uint8Array {
    const output = Buffer.concat(this.#output);
    this.#output = [];
    return output;
  }

  #readRecords(): void {
    // What comes behind a message that waits may need keys that it will bring.
    while (!this.#isWaiting) {
      const incoming = this.#records.next();
      if (incoming === undefined) return;
      if (incoming.type === 'handshake') {
        this.handshake.handleMessages(incoming.level, incoming.data, this.#options.now());
        this.#handleEvents();
      } else if (incoming.type === 'application-data') {
        this.#keep(incoming.level, incoming.data);
      } else if (incoming.description !== Alert.USER_CANCELED) {
        // RFC 8446 §6.2: whatever its level says, it is the end.
        this.peerAlert = incoming.description;
        return;
      }
    }
  }

  #keep(level: EncryptionLevel, data: Uint8Array): void {
    const text = this.#decoder.decode(data);
    if (this.received.length + text.length > MAX_KEPT) throw new Error('More application data than a test sends');
    this.received += text;
    if (level !== EARLY) return;
    this.receivedEarly += text;
    // RFC 8446 §4.2.10: more than the ticket said.
    if (this.receivedEarly.length > this.#maxEarlyDataSize)
      throw new TlsError('ERR_TLS_PEER_MISBEHAVED', Alert.UNEXPECTED_MESSAGE, 'Too much early data');
  }

  #handleEvents(): void {
    for (let event = this.handshake.nextEvent(); event !== undefined; event = this.handshake.nextEvent()) {
      this.events.push(event);
      if (DECISIONS.includes(event.type)) this.#isWaiting = true;
      if (event.type === 'send') this.#sendHandshake(event.level, event.data);
      else if (event.type === 'read-secret') this.#records.setReadSecret(event.level, event.suite, event.secret);
      else if (event.type === 'write-secret') {
        this.#records.setWriteSecret(event.level, event.suite, event.secret);
        if (event.level === EARLY) this.#sendEarlyData();
        else this.#writeLevel = event.level;
      } else if (event.type === 'early-data' && !this.handshake.isClient && !event.isAccepted)
        this.#records.skipEarlyData(skippedBytes(this.#maxEarlyDataSize));
    }
  }

  #sendHandshake(level: EncryptionLevel, data: Uint8Array): void {
    this.#send(ContentType.HANDSHAKE, level, data);
    // RFC 8446 §D.4: right after its first message, in case the client plays TLS 1.2. Those that do not pass over it.
    if (!this.handshake.isClient && !this.#hasSentHandshake)
      this.#send(ContentType.CHANGE_CIPHER_SPEC, INITIAL, Uint8Array.of(1));
    this.#hasSentHandshake = true;
  }

  #sendEarlyData(): void {
    const { earlyData } = this.#options;
    if (earlyData !== undefined) this.#send(ContentType.APPLICATION_DATA, EARLY, earlyData);
  }

  #send(type: ContentType, level: EncryptionLevel, data: Uint8Array): void {
    this.#output.push(...this.#records.write(type, level, data));
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.error ??= error as Error;
      const alert = error instanceof TlsError ? error.alert : Alert.INTERNAL_ERROR;
      this.#send(ContentType.ALERT, this.#writeLevel, Uint8Array.of(FATAL, alert));
    }
  }
}
