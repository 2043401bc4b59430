/**
 * Drives one endpoint in virtual time, as a real driver would: what arrives at one moment is one batch, then deadlines, then events, then sending, then
 * the timer is set. Checks what can be checked from here at each turn.
 */
import { type Connection, type ConnectionEvent, DatagramBatch, type Endpoint } from '@mquictt/quic-core';
import type { Scheduled, Simulation } from './simulation.ts';

const BATCH_DATAGRAMS = 64;
const BATCH_BYTES = BATCH_DATAGRAMS * 2048;
/** Turns at one moment: more of them means that an endpoint asks to be woken for nothing. */
const MAX_TURNS_PER_MOMENT = 2_000;

/** What the application does with one side. Commands may be given from within. */
export interface NodeHandlers {
  /** A client's first packet was accepted. */
  onIncoming?(connection: Connection, now: number): void;
  onEvent?(connection: Connection, event: ConnectionEvent, now: number): void;
  /** At the end of each turn, before sending. */
  onTurn?(now: number): void;
}

export interface EndpointNodeOptions {
  readonly simulation: Simulation;
  /** For messages. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly handlers?: NodeHandlers;
  /** Takes a datagram to the network; the bytes are valid during the call. */
  readonly send: (bytes: Uint8Array, address: string, port: number) => void;
}

export class EndpointNode {
  readonly endpoint: Endpoint;
  readonly name: string;
  handlers: NodeHandlers;
  /** Connections seen here that are not closed. */
  readonly connections: Set<Connection> = new Set();
  turnCount: number = 0;
  readonly #simulation: Simulation;
  readonly #send: (bytes: Uint8Array, address: string, port: number) => void;
  readonly #incoming: DatagramBatch = new DatagramBatch(BATCH_DATAGRAMS, BATCH_BYTES);
  readonly #outgoing: DatagramBatch = new DatagramBatch(BATCH_DATAGRAMS, BATCH_BYTES);
  #isAwake: boolean = false;
  #timer: Scheduled | undefined = undefined;
  #lastTurn: number = -Infinity;
  #turnsAtMoment: number = 0;

  constructor(options: EndpointNodeOptions) {
    this.#simulation = options.simulation;
    this.name = options.name;
    this.endpoint = options.endpoint;
    this.handlers = options.handlers ?? {};
    this.#send = options.send;
  }

  /** A datagram arrived. */
  deliver(bytes: Uint8Array, address: string, port: number): void {
    if (!this.#incoming.push(bytes, 0, address, port, 0)) {
      this.endpoint.handleDatagrams(this.#incoming, this.#simulation.now);
      this.#incoming.clear();
      this.#incoming.push(bytes, 0, address, port, 0);
    }
    this.wake();
  }

  /** To be called after any command that was not given from a handler: a turn follows at this moment. */
  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#simulation.at(this.#simulation.now, () => this.#turn());
  }

  /** Makes a connection known whose events are to be watched from its start. */
  adopt(connection: Connection): void {
    this.connections.add(connection);
    this.wake();
  }

  #turn(): void {
    const { now } = this.#simulation;
    const { endpoint } = this;
    this.#isAwake = false;
    this.#countTurn(now);
    if (this.#incoming.count > 0) {
      endpoint.handleDatagrams(this.#incoming, now);
      this.#incoming.clear();
    }
    if (endpoint.nextTimeout() <= now) endpoint.handleTimeout(now);
    this.#drainEvents(now);
    this.handlers.onTurn?.(now);
    const batch = this.#outgoing;
    for (;;) {
      batch.clear();
      const filled = endpoint.pollTransmit(batch, now);
      if (filled === 0) break;
      if (filled !== batch.count) throw new Error(`${this.name} says ${filled} datagrams but filled ${batch.count}`);
      for (let i = 0; i < batch.count; i++) {
        this.#send(batch.buffer.subarray(batch.start[i]!, batch.end[i]!), batch.address[i]!, batch.port[i]!);
      }
    }
    // Sending may have brought news, such as room for more.
    if (this.#drainEvents(now)) this.wake();
    this.#check(now);
    this.#setTimer(endpoint.nextTimeout());
  }

  #drainEvents(now: number): boolean {
    let any = false;
    let event;
    while ((event = this.endpoint.nextEvent()) !== undefined) {
      any = true;
      const { connection } = event;
      if (event.type === 'incoming') {
        this.connections.add(connection);
        this.handlers.onIncoming?.(connection, now);
      }
      let news;
      while ((news = connection.nextEvent()) !== undefined) {
        if (news.type === 'closed') this.connections.delete(connection);
        this.handlers.onEvent?.(connection, news, now);
      }
    }
    return any;
  }

  #setTimer(deadline: number): void {
    if (this.#timer !== undefined) {
      if (this.#timer.action !== undefined && this.#timer.time === deadline) return;
      this.#simulation.cancel(this.#timer);
      this.#timer = undefined;
    }
    if (deadline === Infinity) return;
    if (Number.isNaN(deadline)) throw new Error(`${this.name} asks to be woken at NaN`);
    this.#timer = this.#simulation.at(deadline, () => this.#turn());
  }

  #countTurn(now: number): void {
    this.turnCount++;
    if (now > this.#lastTurn) {
      this.#lastTurn = now;
      this.#turnsAtMoment = 0;
    } else if (++this.#turnsAtMoment > MAX_TURNS_PER_MOMENT) {
      throw new Error(`${this.name} was woken ${MAX_TURNS_PER_MOMENT} times at ${now} ms`);
    }
  }

  /** What holds at every moment, whatever the network does. */
  #check(now: number): void {
    const { internalErrors, lastInternalError } = this.endpoint.stats();
    if (internalErrors > 0) {
      throw new Error(`${this.name} had an internal error at ${now} ms: ${String(lastInternalError)}`, {
        cause: lastInternalError,
      });
    }
    for (const connection of this.connections) {
      const { bytesInFlight, congestionWindow } = connection.stats();
      if (!(bytesInFlight >= 0)) throw new Error(`${this.name} has ${bytesInFlight} bytes in flight at ${now} ms`);
      if (!(congestionWindow >= 2400)) {
        throw new Error(`${this.name} has a congestion window of ${congestionWindow} bytes at ${now} ms`);
      }
    }
  }
}
