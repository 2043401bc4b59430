/**
 * The client of the cases. Each function is one command: it makes a connection of its own, does its part and returns
 * what it saw; interop/cases.ts judges.
 */
import { Incoming, contents, line, sha256 } from './contents.ts';
import {
  ALPN,
  CloseError,
  StreamError,
  updateKeys,
  type CloseInfo,
  type Implementation,
  type PeerConnection,
  type PeerStream,
} from './peer.ts';
import type { Order } from './server-role.ts';

/** Where to connect, for every command. */
export interface Target {
  port: number;
  caPem: string;
  /** @default localhost */
  serverName?: string;
  /** @default the protocol of the cases */
  alpnProtocols?: string[];
}

export interface Description {
  alpnProtocol?: string;
  serverName?: string;
}

export interface Exchange {
  sent: string;
  /** What the server says it got. */
  arrived: { sha256: string; length: number };
  /** What should have come from the server, and what came. */
  expected: string;
  received: string;
}

export interface StreamEnd {
  how: 'fin' | 'reset' | 'stopped';
  code: number;
}

/** The reason with which a client closes whose command is not about closing. */
export const ORDINARY_CLOSE = 'done';

const MEGABYTE = 1_000_000;

export function clientCommands(implementation: Implementation) {
  const connect = (target: Target): Promise<PeerConnection> =>
    implementation.connect({
      port: target.port,
      caPem: target.caPem,
      serverName: target.serverName ?? 'localhost',
      alpnProtocols: target.alpnProtocols ?? ['mquictt-other', ALPN],
    });

  /** Makes a connection, uses it and closes it. */
  const using = async <T>(target: Target, use: (connection: PeerConnection) => Promise<T>): Promise<T> => {
    const connection = await connect(target);
    try {
      return await use(connection);
    } finally {
      connection.close(0, ORDINARY_CLOSE);
    }
  };

  return {
    handshake: (target: Target): Promise<{ client: Description; server: Description }> =>
      using(target, async (connection) => {
        const stream = await order(connection, { do: 'describe' });
        await stream.end();
        const server = await new Incoming(stream).line<Description>();
        const { alpnProtocol } = connection;
        return { client: alpnProtocol === undefined ? {} : { alpnProtocol }, server };
      }),

    /** How a connection that must not be made fails. */
    refused: async (target: Target): Promise<CloseInfo | null> => {
      try {
        (await connect(target)).close(0, 'this should not have been possible');
        return null;
      } catch (error) {
        if (error instanceof CloseError) return error.info;
        throw error;
      }
    },

    exchange: (target: Target): Promise<Exchange> =>
      using(target, async (connection) => {
        const stream = await order(connection, { do: 'exchange', seed: 2, length: MEGABYTE });
        return exchange(stream, () => Promise.resolve(stream));
      }),

    unidirectional: (target: Target): Promise<Exchange> =>
      using(target, async (connection) => {
        const stream = await connection.openUnidirectional();
        await stream.write(line({ do: 'exchange', seed: 2, length: MEGABYTE }));
        return exchange(stream, async () => {
          const answer = await connection.acceptUnidirectional();
          if (answer === undefined) throw new Error('Connection ended before the server opened its stream');
          return answer;
        });
      }),

    /** Opens all streams before any of them ends. @returns how many gave their own bytes back */
    parallel: ({ count, ...target }: Target & { count: number }): Promise<number> =>
      using(target, async (connection) => {
        const streams: PeerStream[] = [];
        for (let i = 0; i < count; i++) streams.push(await order(connection, { do: 'echo' }));
        const halves = streams.map((stream, i) => {
          const bytes = contents(i, 3000 + 97 * i);
          return { stream, incoming: new Incoming(stream), bytes, middle: bytes.length >> 1 };
        });
        // The echo of every first half proves that all streams live at once.
        await Promise.all(halves.map(({ stream, bytes, middle }) => stream.write(bytes.subarray(0, middle))));
        const firsts = await Promise.all(halves.map(({ incoming, middle }) => incoming.exactly(middle)));
        const seconds = await Promise.all(
          halves.map(async ({ stream, incoming, bytes, middle }) => {
            await stream.write(bytes.subarray(middle));
            await stream.end();
            return incoming.rest();
          }),
        );
        return halves.filter(
          ({ bytes, middle }, i) =>
            isEqual(bytes.subarray(0, middle), firsts[i] as Uint8Array) &&
            isEqual(bytes.subarray(middle), seconds[i] as Uint8Array),
        ).length;
      }),

    /** Opens more streams than the limit allows at once, a few at a time. @returns how many gave their own bytes back */
    successive: ({ count, ...target }: Target & { count: number }): Promise<number> =>
      using(target, async (connection) => {
        let next = 0;
        let good = 0;
        const worker = async (): Promise<void> => {
          while (next < count) {
            const bytes = contents(next++, 500);
            const stream = await order(connection, { do: 'echo' });
            await stream.write(bytes);
            await stream.end();
            if (isEqual(bytes, await new Incoming(stream).rest())) good++;
          }
        };
        await Promise.all(Array.from({ length: 10 }, worker));
        return good;
      }),

    /** Updates the keys again and again, with data before and after. @returns how often the data were right */
    updateKeys: ({ by, ...target }: Target & { by: 'client' | 'server' }): Promise<number> =>
      using(target, async (connection) => {
        let updates = 0;
        for (let round = 0; round < 3; round++) {
          const bytes = contents(round, 100_000);
          const stream = await order(connection, { do: by === 'client' ? 'echo' : 'update-keys' });
          const incoming = new Incoming(stream);
          if (by === 'client') await updateKeys(connection);
          else await incoming.line();
          const [rest] = await Promise.all([incoming.rest(), stream.write(bytes).then(() => stream.end())]);
          if (isEqual(bytes, rest)) updates++;
        }
        return updates;
      }),

    /** The client closes; the server tells what it saw. */
    close: async ({ code, reason, ...target }: Target & { code: number; reason: string }): Promise<void> => {
      const connection = await connect(target);
      const stream = await order(connection, { do: 'describe' });
      await new Incoming(stream).line();
      connection.close(code, reason);
      await connection.closed;
    },

    /** The server closes. @returns what the client saw */
    closedByServer: async ({
      code,
      reason,
      ...target
    }: Target & { code: number; reason: string }): Promise<CloseInfo> => {
      const connection = await connect(target);
      await order(connection, { do: 'close', code, reason });
      return connection.closed;
    },

    /** The client resets its half; the server tells what it saw. */
    reset: ({ code, ...target }: Target & { code: number }): Promise<void> =>
      using(target, async (connection) => {
        const stream = await order(connection, { do: 'watch' });
        const incoming = new Incoming(stream);
        // A reset takes back what has not arrived yet, and that could be the order.
        await incoming.line();
        await stream.reset(code);
        await incoming.rest();
      }),

    /** The server resets its half. @returns what the client saw */
    resetByServer: ({ code, ...target }: Target & { code: number }): Promise<StreamEnd> =>
      using(target, async (connection) => endOf(await order(connection, { do: 'reset', code }), 'reading')),

    /** The client stops the server's half; the server tells what it saw. */
    stop: ({ code, ...target }: Target & { code: number }): Promise<void> =>
      using(target, async (connection) => {
        const stream = await order(connection, { do: 'flood' });
        await new Incoming(stream).exactly(100_000);
        await stream.stop(code);
        // The connection lives on.
        const other = await order(connection, { do: 'describe' });
        await new Incoming(other).line();
      }),

    /** The server stops the client's half. @returns what the client saw */
    stopByServer: ({ code, ...target }: Target & { code: number }): Promise<StreamEnd> =>
      using(target, async (connection) => endOf(await order(connection, { do: 'stop', code }), 'writing')),
  };
}

/** Opens a bidirectional stream with its order. */
async function order(connection: PeerConnection, order: Order): Promise<PeerStream> {
  const stream = await connection.openBidirectional();
  await stream.write(line(order));
  return stream;
}

/** Sends a megabyte, and reads the answer while it does: neither side may need the other to finish first. */
async function exchange(stream: PeerStream, answerOn: () => Promise<PeerStream>): Promise<Exchange> {
  const bytes = contents(1, MEGABYTE);
  const send = async (): Promise<void> => {
    await stream.write(bytes);
    await stream.end();
  };
  const [, incoming] = await Promise.all([send(), answerOn().then((answer) => new Incoming(answer))]);
  const arrived = await incoming.line<Exchange['arrived']>();
  const received = await incoming.rest();
  return {
    sent: await sha256(bytes),
    arrived,
    expected: await sha256(contents(2, MEGABYTE)),
    received: await sha256(received),
  };
}

/** Reads or writes until the peer ends it. */
async function endOf(stream: PeerStream, doing: 'reading' | 'writing'): Promise<StreamEnd> {
  try {
    if (doing === 'reading') await new Incoming(stream).rest();
    else for (;;) await stream.write(contents(1, 4096));
    return { how: 'fin', code: 0 };
  } catch (error) {
    if (error instanceof StreamError) return { how: error.kind, code: error.code };
    throw error;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
