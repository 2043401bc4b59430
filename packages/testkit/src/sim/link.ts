/**
 * One direction of a path: a pipeline of stages, each of which may hold back, drop, change or repeat what comes by. Stages are in stages.ts; a link is
 * described by an array of them, in the order in which a datagram meets them.
 */
import type { SeededRandom } from '../random.ts';
import type { Simulation } from './simulation.ts';

/** A datagram on its way. Stages that change bytes make a new one, as duplicates share theirs. */
export interface Packet {
  readonly bytes: Uint8Array;
  /** Which datagram of its link it is, from 0. */
  readonly index: number;
}

export type Forward = (packet: Packet) => void;

export interface LinkStats {
  sent: number;
  delivered: number;
  dropped: number;
  corrupted: number;
  duplicated: number;
  bytesSent: number;
  bytesDelivered: number;
}

/** What a stage may use. */
export interface LinkContext {
  readonly simulation: Simulation;
  /** The link's own source. */
  readonly random: SeededRandom;
  readonly stats: LinkStats;
  /** Counts a datagram that goes no further. */
  drop(packet: Packet): void;
}

/** Built into a link once; the function that it returns sees each datagram. */
export type Stage = (context: LinkContext, next: Forward) => Forward;

export interface LinkOptions {
  readonly simulation: Simulation;
  /** Names the direction in the packet log, e.g. `client>server`. */
  readonly name: string;
  readonly stages: readonly Stage[];
  /** Called for each datagram that comes out. The bytes are valid during the call. */
  readonly deliver: (bytes: Uint8Array) => void;
}

export class Link {
  readonly name: string;
  readonly stats: LinkStats = {
    sent: 0,
    delivered: 0,
    dropped: 0,
    corrupted: 0,
    duplicated: 0,
    bytesSent: 0,
    bytesDelivered: 0,
  };
  readonly #simulation: Simulation;
  readonly #entrance: Forward;
  #dropNext: number = 0;

  constructor(options: LinkOptions) {
    const { simulation, stages, deliver } = options;
    const { stats } = this;
    this.name = options.name;
    this.#simulation = simulation;
    const context: LinkContext = {
      simulation,
      random: simulation.random.fork(),
      stats,
      drop: () => void stats.dropped++,
    };
    let next: Forward = (packet) => {
      stats.delivered++;
      stats.bytesDelivered += packet.bytes.length;
      deliver(packet.bytes);
    };
    for (const stage of stages.toReversed()) next = stage(context, next);
    this.#entrance = next;
  }

  /** Copies the bytes; they may be reused at once. */
  send(bytes: Uint8Array): void {
    const index = this.stats.sent++;
    this.stats.bytesSent += bytes.length;
    this.#simulation.packetLog.record(this.#simulation.now, this.name, bytes);
    if (this.#dropNext > 0) {
      this.#dropNext--;
      this.stats.dropped++;
      return;
    }
    this.#entrance({ bytes: bytes.slice(), index });
  }

  /** Drops the next datagrams, whatever the stages say. */
  dropNext(count: number): void {
    this.#dropNext += count;
  }
}
