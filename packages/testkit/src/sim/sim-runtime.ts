/** quic-node's runtime in virtual time: one host of a SimNetwork. */
import type { Runtime, Timer, UdpSocket, UdpSocketOptions } from '@mquictt/quic-node';
import type { DatagramBatch } from '@mquictt/quic-core';
import { TEST_UNIX_TIME } from '../certificates.ts';
import type { SimNetwork, SimSocket } from './network.ts';
import type { Scheduled, Simulation } from './simulation.ts';

/**
 * @param address the host's IP address: sockets bound to `0.0.0.0`, `::` or nothing get it
 *
 * @example
 * const network = new SimNetwork({ simulation, link: () => LINKS.loss2() });
 * const listener = await listen({ runtime: simRuntime(network, '192.0.2.2'), ... });
 */
export function simRuntime(network: SimNetwork, address: string): Runtime {
  const { simulation } = network;
  const start = simulation.now;
  return {
    now: () => simulation.now,
    unixTime: () => TEST_UNIX_TIME + (simulation.now - start),
    random: simulation.random.fork(),
    createTimer: (callback) => new SimTimer(simulation, callback),
    schedule: (callback) => void simulation.at(simulation.now, callback),
    bind: async (options) => new SimUdpSocket(network, address, options),
    lookup: async (hostname) => network.lookup(hostname),
  };
}

class SimTimer implements Timer {
  readonly #simulation: Simulation;
  readonly #callback: () => void;
  #scheduled: Scheduled | undefined = undefined;

  constructor(simulation: Simulation, callback: () => void) {
    this.#simulation = simulation;
    this.#callback = callback;
  }

  set(deadline: number): void {
    this.clear();
    if (deadline === Infinity) return;
    this.#scheduled = this.#simulation.at(deadline, () => {
      this.#scheduled = undefined;
      this.#callback();
    });
  }

  clear(): void {
    if (this.#scheduled !== undefined) this.#simulation.cancel(this.#scheduled);
    this.#scheduled = undefined;
  }
}

class SimUdpSocket implements UdpSocket {
  readonly #socket: SimSocket;

  constructor(network: SimNetwork, hostAddress: string, options: UdpSocketOptions) {
    const isWildcard = options.address === '' || options.address === '0.0.0.0' || options.address === '::';
    this.#socket = network.bind({
      address: isWildcard ? hostAddress : options.address,
      port: options.port,
      onDatagram: options.onDatagram,
    });
  }

  get address(): string {
    return this.#socket.address;
  }

  get port(): number {
    return this.#socket.port;
  }

  send(batch: DatagramBatch, from: number): number {
    for (let i = from; i < batch.count; i++) {
      this.#socket.send(batch.buffer.subarray(batch.start[i]!, batch.end[i]!), batch.address[i]!, batch.port[i]!);
    }
    return batch.count - from;
  }

  async close(): Promise<void> {
    this.#socket.close();
  }
}
