/** The real world: node:dgram, the process's clocks, timers and random bytes. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { nodeRandom } from '@mquictt/tls13/node';
import { noAddressError } from './errors.ts';
import { bindNodeSocket } from './node-socket.ts';
import { NodeTimer } from './node-timer.ts';
import type { Runtime } from './runtime.ts';

/** The default runtime of listen() and connect(). */
export const nodeRuntime: Runtime = {
  now: () => performance.now(),
  unixTime: () => Date.now(),
  random: nodeRandom,
  createTimer: (callback, options) => new NodeTimer(callback, options?.ref ?? false),
  schedule: (callback) => void setImmediate(callback),
  bind: bindNodeSocket,
  async lookup(hostname) {
    if (isIP(hostname) !== 0) return [hostname];
    let found;
    try {
      found = await lookup(hostname, { all: true, verbatim: true });
    } catch (cause) {
      throw noAddressError(hostname, cause);
    }
    // The resolver names an address once per kind of socket on some systems.
    return [...new Set(found.map((entry) => entry.address))];
  },
};
