/** The cases: what a client and a server of two implementations have to agree on. */
import assert from 'node:assert/strict';
import type { Child } from '../tools/children.ts';
import type { Description, Exchange, StreamEnd, Target } from './client-role.ts';
import { ALPN, type CloseInfo } from './peer.ts';
import type { About } from './program.ts';
import { Proxy, type ProxyOptions } from './proxy.ts';
import type { ServerEvent } from './server-role.ts';

/** One side as the cases see it. */
export interface Side extends About {
  child: Child;
}

export interface Meeting {
  client: Side;
  server: Side;
  /** Everything that a client needs to reach the server. */
  target: Target;
  /** The certificate of an authority that has nothing to do with the server. */
  strangeCaPem: string;
  /** Sends a command to the client. */
  ask<T>(command: string, args?: object): Promise<T>;
  /** Waits for what the server tells. Closings at the end of an ordinary command are left out. */
  told<T extends ServerEvent['type']>(type: T): Promise<Extract<ServerEvent, { type: T }>>;
}

export interface Case {
  name: string;
  /** Why this meeting cannot have the case; undefined when it can. */
  impossible?: (meeting: Pick<Meeting, 'client' | 'server'>) => string | undefined;
  run: (meeting: Meeting) => Promise<void>;
}

/** TLS alerts (RFC 8446 §6). */
const BAD_CERTIFICATE = 42;
const UNKNOWN_CA = 48;
const NO_APPLICATION_PROTOCOL = 120;

const noReset = (side: Side): string | undefined =>
  side.canReset ? undefined : `${side.name} offers no way to reset a stream`;

function assertExchange({ sent, arrived, expected, received }: Exchange): void {
  assert.equal(arrived.length, 1_000_000, 'bytes that arrived at the server');
  assert.equal(arrived.sha256, sent, 'SHA-256 of what the server got');
  assert.equal(received, expected, 'SHA-256 of what the client got');
}

const noKeyUpdate = (side: Side): string | undefined =>
  side.canUpdateKeys ? undefined : `${side.name} offers no way to update the keys`;

async function through(options: ProxyOptions, { target, ask }: Meeting): Promise<Proxy> {
  const proxy = await Proxy.start(target.port, options);
  try {
    assertExchange(await ask<Exchange>('exchange', { port: proxy.port }));
  } finally {
    proxy.stop();
  }
  return proxy;
}

export const CASES: readonly Case[] = [
  {
    name: 'handshake',
    async run({ ask }) {
      const { client, server } = await ask<{ client: Description; server: Description }>('handshake');
      assert.equal(client.alpnProtocol, ALPN, 'ALPN protocol at the client');
      assert.deepEqual(server, { alpnProtocol: ALPN, serverName: 'localhost' }, 'what the server knows');
    },
  },
  {
    name: '1 MB each way',
    run: async ({ ask }) => assertExchange(await ask<Exchange>('exchange')),
  },
  {
    name: '1 MB each way on unidirectional streams',
    run: async ({ ask }) => assertExchange(await ask<Exchange>('unidirectional')),
  },
  {
    name: '100 parallel streams',
    run: async ({ ask }) => assert.equal(await ask('parallel', { count: 100 }), 100, 'streams with the right bytes'),
  },
  {
    name: '500 streams one after another',
    run: async ({ ask }) => assert.equal(await ask('successive', { count: 500 }), 500, 'streams with the right bytes'),
  },
  {
    name: '1 MB each way with 5 % loss',
    async run(meeting) {
      const { lost } = await through({ loss: 0.05 }, meeting);
      assert.ok(lost > 10, `only ${lost} datagrams were lost`);
    },
  },
  {
    name: '1 MB each way from a port that changes',
    async run(meeting) {
      const { rebinds } = await through({ rebindAfter: 200 }, meeting);
      assert.equal(rebinds, 1, 'changes');
    },
  },
  {
    name: 'key updates by the client',
    impossible: ({ client }) => noKeyUpdate(client),
    run: async ({ ask }) =>
      assert.equal(await ask('updateKeys', { by: 'client' }), 3, 'transfers with the right bytes'),
  },
  {
    name: 'key updates by the server',
    impossible: ({ server }) => noKeyUpdate(server),
    run: async ({ ask }) =>
      assert.equal(await ask('updateKeys', { by: 'server' }), 3, 'transfers with the right bytes'),
  },
  {
    name: 'close code of the client',
    async run({ ask, told }) {
      await ask('close', { code: 4242, reason: 'the client is done' });
      const { kind, code, reason } = await told('closed');
      assert.deepEqual({ kind, code, reason }, { kind: 'application', code: 4242, reason: 'the client is done' });
    },
  },
  {
    name: 'close code of the server',
    async run({ ask }) {
      const info = await ask<CloseInfo>('closedByServer', { code: 70_007, reason: 'the server is done' });
      assert.deepEqual(info, { kind: 'application', code: 70_007, reason: 'the server is done' });
    },
  },
  {
    name: 'stream reset by the client',
    impossible: ({ client }) => noReset(client),
    async run({ ask, told }) {
      await ask('reset', { code: 1001 });
      assert.deepEqual(await told('stream-ended'), { type: 'stream-ended', how: 'reset', code: 1001 });
    },
  },
  {
    name: 'stream reset by the server',
    impossible: ({ server }) => noReset(server),
    async run({ ask }) {
      assert.deepEqual(await ask<StreamEnd>('resetByServer', { code: 1002 }), { how: 'reset', code: 1002 });
    },
  },
  {
    name: 'stream stopped by the client',
    async run({ client, ask, told }) {
      const code = client.canStopWithCode ? 1003 : 0;
      await ask('stop', { code });
      assert.deepEqual(await told('stream-ended'), { type: 'stream-ended', how: 'stopped', code });
    },
  },
  {
    name: 'stream stopped by the server',
    async run({ server, ask }) {
      const code = server.canStopWithCode ? 1004 : 0;
      assert.deepEqual(await ask<StreamEnd>('stopByServer', { code }), { how: 'stopped', code });
    },
  },
  {
    name: 'wrong ALPN refused',
    async run({ ask }) {
      const info = await ask<CloseInfo | null>('refused', { alpnProtocols: ['something-else'] });
      assert.ok(info !== null, 'the connection was made');
      assert.equal(`${info.kind} ${info.code}`, `tls ${NO_APPLICATION_PROTOCOL}`, info.reason);
      await ask('handshake');
    },
  },
  {
    name: 'unknown CA refused',
    async run({ strangeCaPem, ask }) {
      const info = await ask<CloseInfo | null>('refused', { caPem: strangeCaPem });
      assert.ok(info !== null, 'the connection was made');
      assert.equal(`${info.kind} ${info.code}`, `tls ${UNKNOWN_CA}`, info.reason);
      await ask('handshake');
    },
  },
  {
    name: 'wrong server name refused',
    async run({ ask }) {
      const info = await ask<CloseInfo | null>('refused', { serverName: 'elsewhere.example' });
      assert.ok(info !== null, 'the connection was made');
      assert.equal(`${info.kind} ${info.code}`, `tls ${BAD_CERTIFICATE}`, info.reason);
      await ask('handshake');
    },
  },
];
