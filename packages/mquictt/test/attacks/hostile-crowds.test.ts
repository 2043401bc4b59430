/** Very many connections at once: the broker's memory stays bounded, and others are served. */
import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/loopback.ts';
import { withListeners } from '../support/mqttjs.ts';
import { dialSocket, isServed, isUnharmed, open, SOCKET_KINDS } from '../support/sockets.ts';

const test = suite('hostile-crowds');

for (const kind of SOCKET_KINDS) {
  test(`${kind}: 10,000 connections at once that say nothing`, () =>
    withListeners(async (meeting) => {
      globalThis.gc?.();
      const before = process.memoryUsage().rss;
      const silent: Socket[] = [];
      for (let i = 0; i < 20; i++) {
        silent.push(...(await Promise.all(Array.from({ length: 500 }, () => dialSocket(meeting.port(kind))))));
        if (i === 15) await isServed(meeting, kind);
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
