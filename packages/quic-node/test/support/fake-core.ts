/** A core without QUIC in it: what the driver calls is recorded, what it asks for is scripted. */
import type {
  Connection,
  ConnectionEvent,
  DatagramBatch,
  Endpoint,
  EndpointEvent,
  EndpointStats,
} from '@mquictt/quic-core';
import type { Runtime, Timer, UdpSocket, UdpSocketOptions } from '../../src/runtime.ts';

/** Just enough of a connection for the driver: it carries a handler and events. */
export class FakeConnection {
  context: unknown = undefined;
  readonly events: ConnectionEvent[] = [];
  readonly closes: string[] = [];

  nextEvent(): ConnectionEvent | undefined {
    return this.events.shift();
  }

  close(_errorCode: number, reason: string): void {
    this.closes.push(reason);
  }

  asConnection(): Connection {
    return this as unknown as Connection;
  }
}

export class FakeEndpoint implements Endpoint {
  readonly log: string[] = [];
  readonly events: EndpointEvent[] = [];
  /** Datagrams to send: bytes and socket. */
  readonly outgoing: { data: string; socket: number }[] = [];
  deadline: number = Infinity;
  connectionCount: number = 0;
  /** Datagrams per pollTransmit(). */
  perPoll: number = 2;
  throwIn: string = '';

  handleDatagrams(batch: DatagramBatch): void {
    const seen: string[] = [];
    for (let i = 0; i < batch.count; i++) {
      const text = Buffer.from(batch.buffer.subarray(batch.start[i]!, batch.end[i]!)).toString();
      seen.push(`${text.length > 20 ? text.length : text}@${batch.address[i]}:${batch.port[i]}/${batch.socket[i]}`);
    }
    this.log.push(`in ${seen.join(' ')}`);
    this.#maybeThrow('handleDatagrams');
  }

  handleTimeout(now: number): void {
    this.log.push(`timeout ${now}`);
    this.deadline = Infinity;
    this.#maybeThrow('handleTimeout');
  }

  pollTransmit(batch: DatagramBatch): number {
    this.#maybeThrow('pollTransmit');
    let count = 0;
    while (count < this.perPoll && this.outgoing.length > 0) {
      const { data, socket } = this.outgoing.shift()!;
      batch.push(Buffer.from(data), socket, '192.0.2.9', 9, 0);
      count++;
    }
    return count;
  }

  nextTimeout(): number {
    return this.deadline;
  }

  nextEvent(): EndpointEvent | undefined {
    return this.events.shift();
  }

  connect(): Connection {
    throw new Error('not scripted');
  }

  stopAccepting(): void {
    this.log.push('stop accepting');
  }

  stats(): EndpointStats {
    throw new Error('not scripted');
  }

  #maybeThrow(where: string): void {
    if (this.throwIn === where) throw new Error(`thrown in ${where}`);
  }
}

/** A runtime whose clock, timer and sockets the test moves by hand. */
export class FakeRuntime implements Runtime {
  time: number = 1_000;
  clockReads: number = 0;
  readonly scheduled: (() => void)[] = [];
  readonly timers: FakeTimer[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly random = { fillPublic: () => {}, fillPrivate: () => {} };

  now(): number {
    this.clockReads++;
    return this.time;
  }

  unixTime(): number {
    return 0;
  }

  createTimer(callback: () => void): Timer {
    const timer = new FakeTimer(callback);
    this.timers.push(timer);
    return timer;
  }

  schedule(callback: () => void): void {
    this.scheduled.push(callback);
  }

  async bind(options: UdpSocketOptions): Promise<UdpSocket> {
    const socket = new FakeSocket(options);
    this.sockets.push(socket);
    return socket;
  }

  async lookup(hostname: string): Promise<readonly string[]> {
    return [hostname];
  }

  /** Runs what is scheduled until nothing is. @returns how many turns that took */
  run(limit: number = 100): number {
    let turns = 0;
    for (let next = this.scheduled.shift(); next !== undefined && turns < limit; next = this.scheduled.shift()) {
      next();
      turns++;
    }
    return turns;
  }
}

export class FakeTimer implements Timer {
  readonly callback: () => void;
  deadline: number = Infinity;

  constructor(callback: () => void) {
    this.callback = callback;
  }

  set(deadline: number): void {
    this.deadline = deadline;
  }

  clear(): void {
    this.deadline = Infinity;
  }
}

export class FakeSocket implements UdpSocket {
  readonly address: string;
  readonly port: number;
  readonly options: UdpSocketOptions;
  readonly sent: string[] = [];
  /** Datagrams that send() takes before it is full. */
  room: number = Infinity;
  isClosed: boolean = false;
  isDetached: boolean = false;

  constructor(options: UdpSocketOptions) {
    this.options = options;
    this.address = options.address;
    this.port = options.port;
  }

  send(batch: DatagramBatch, from: number): number {
    let i = from;
    for (; i < batch.count && this.room > 0; i++, this.room--) {
      this.sent.push(Buffer.from(batch.buffer.subarray(batch.start[i]!, batch.end[i]!)).toString());
    }
    return i - from;
  }

  unref(): void {
    this.isDetached = true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  receive(text: string | Uint8Array, address: string = '192.0.2.1', port: number = 5): void {
    this.options.onDatagram(typeof text === 'string' ? Buffer.from(text) : text, address, port);
  }
}
