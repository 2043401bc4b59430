/** Very many connections at once: the broker's memory stays bounded, and others are served. */
import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/loopback.ts';
import { withListeners } from '../support/mqttjs.ts';
import { dialSocket, isServed, isUnharmed, open, SOCKET_KINDS } from '../support/sockets.ts';

const test = suite('hostile-crowds');

/** Both ends of all connections are files of this process, of which not every system allows that many. */
function crowdSize(): number {
  const { userLimits } = process.report.getReport() as unknown as {
    readonly userLimits: { readonly open_files: { readonly soft: number | 'unlimited' } };
  };
  const files = Number(userLimits.open_files.soft);
  // 'unlimited' is not a number.
  return files < 15_000 ? Math.floor((files - 500) / 2) : 10_000;
}

for (const kind of SOCKET_KINDS) {
  test(`${kind}: 10,000 connections at once, or as many as the system allows, that say nothing`, () =>
    withListeners(async (meeting) => {
      globalThis.gc?.();
      const before = process.memoryUsage().rss;
      const silent: Socket[] = [];
      const crowd = crowdSize();
      while (silent.length < crowd) {
        const length = Math.min(500, crowd - silent.length);
        silent.push(...(await Promise.all(Array.from({ length }, () => dialSocket(meeting.port(kind))))));
        if (silent.length === 8_000) await isServed(meeting, kind);
      }
      await until(() => open(silent) <= 4_096, 20_000);
      // Both ends of them live in this process.
      const grown = process.memoryUsage().rss - before;
      assert.ok(grown < 400_000_000, `${grown} bytes`);
      await isServed(meeting, kind);
      for (const socket of silent) socket.destroy();
      await isUnharmed(meeting);
    }));
}

test.run();
