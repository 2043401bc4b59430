/** What can happen to a datagram on the way. Times are ms, rates of loss and the like are probabilities 0..1. */
import type { Packet, Stage } from './link.ts';

/** IPv4 and UDP headers, which take their share of a link's rate. */
const HEADER_BYTES = 28;

/** Propagation: everything comes later by the same time. */
export function delay(ms: number): Stage {
  return ({ simulation }, next) =>
    (packet) =>
      void simulation.at(simulation.now + ms, () => next(packet));
}

/** Everything comes later by a random time of 0 to `ms`, so that datagrams closer together than that change places. */
export function jitter(ms: number): Stage {
  return ({ simulation, random }, next) =>
    (packet) =>
      void simulation.at(simulation.now + random.next() * ms, () => next(packet));
}

/** Some datagrams are held back by `ms` and overtaken by the others. */
export function reorder(probability: number, ms: number): Stage {
  return ({ simulation, random }, next) =>
    (packet) => {
      if (random.chance(probability)) simulation.at(simulation.now + ms, () => next(packet));
      else next(packet);
    };
}

/** Holds back datagrams by their place in the order of sending, from 0, so that later ones overtake them. @param ms how long */
export function holdNth(ms: number, ...indices: number[]): Stage {
  const held = new Set(indices);
  return ({ simulation }, next) =>
    (packet) => {
      if (held.has(packet.index)) simulation.at(simulation.now + ms, () => next(packet));
      else next(packet);
    };
}

/**
 * A bottleneck: datagrams leave one after another at a given rate, and those that find the queue full are dropped.
 * @param bitsPerSecond of IP packets
 * @param queue datagrams that may wait, the one being sent not counted
 */
export function rate(bitsPerSecond: number, queue: number): Stage {
  return ({ simulation, drop }, next) => {
    let waiting = 0;
    let freeAt = 0;
    return (packet) => {
      const start = Math.max(simulation.now, freeAt);
      if (start > simulation.now) {
        if (waiting >= queue) return drop(packet);
        waiting++;
        simulation.at(start, () => void waiting--);
      }
      freeAt = start + ((packet.bytes.length + HEADER_BYTES) * 8 * 1000) / bitsPerSecond;
      simulation.at(freeAt, () => next(packet));
    };
  };
}

/** Random loss. @param maxBurst losses in a row at most */
export function loss(probability: number, maxBurst: number = Infinity): Stage {
  return ({ random, drop }, next) => {
    let burst = 0;
    return (packet) => {
      // The draw is made in any case, so that the bound on bursts does not change the luck of later datagrams.
      const isLost = random.chance(probability);
      if (isLost && burst < maxBurst) {
        burst++;
        drop(packet);
      } else {
        burst = 0;
        next(packet);
      }
    };
  };
}

/** Replaces one byte among the first ones of some datagrams with another value. */
export function corrupt(probability: number, firstBytes = 50): Stage {
  return ({ random, stats }, next) =>
    (packet) => {
      if (packet.bytes.length === 0 || !random.chance(probability)) return next(packet);
      const bytes = packet.bytes.slice();
      const at = random.integer(Math.min(firstBytes, bytes.length));
      bytes[at] = bytes[at]! ^ (1 + random.integer(255));
      stats.corrupted++;
      next({ bytes, index: packet.index });
    };
}

/** Some datagrams come twice. @param ms how much later the copy comes */
export function duplicate(probability: number, ms = 0): Stage {
  return ({ simulation, random, stats }, next) =>
    (packet) => {
      next(packet);
      if (!random.chance(probability)) return;
      stats.duplicated++;
      simulation.at(simulation.now + ms, () => next(packet));
    };
}

/** Nothing passes during the last `holeMs` of every `periodMs`, counted from the start of the link. */
export function blackhole(holeMs: number, periodMs: number): Stage {
  return ({ simulation, drop }, next) => {
    const start = simulation.now;
    return (packet) => {
      if ((simulation.now - start) % periodMs >= periodMs - holeMs) drop(packet);
      else next(packet);
    };
  };
}

/** Drops datagrams by their place in the order of sending, from 0. */
export function dropNth(...indices: number[]): Stage {
  const doomed = new Set(indices);
  return dropIf((_bytes, index) => doomed.has(index));
}

export function dropIf(predicate: (bytes: Uint8Array, index: number) => boolean): Stage {
  return ({ drop }, next) =>
    (packet) => {
      if (predicate(packet.bytes, packet.index)) drop(packet);
      else next(packet);
    };
}

/** A path that does not carry larger UDP payloads. The size may change over time. */
export function mtu(maxBytes: number | ((now: number) => number)): Stage {
  return ({ simulation, drop }, next) =>
    (packet) => {
      const limit = typeof maxBytes === 'number' ? maxBytes : maxBytes(simulation.now);
      if (packet.bytes.length > limit) drop(packet);
      else next(packet);
    };
}

/** Looks on. The bytes must not be changed or kept. */
export function tap(look: (bytes: Uint8Array, now: number, index: number) => void): Stage {
  return ({ simulation }, next) =>
    (packet: Packet) => {
      look(packet.bytes, simulation.now, packet.index);
      next(packet);
    };
}
