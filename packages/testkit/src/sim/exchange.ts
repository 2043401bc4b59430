/** One connection over a Pair, one stream, so many bytes each way at the same time: the scenario that most tests of a transport are made of. */
import type { Connection, TransportConfig } from '@mquictt/quic-core';
import { TEST_SERVER_NAME } from '../certificates.ts';
import { BulkReceiver, BulkSender } from './bulk.ts';
import { Pair } from './pair.ts';
import { simClient, simServer, type SimEndpointOptions } from './sim-endpoints.ts';
import { Simulation } from './simulation.ts';
import type { Stage } from './link.ts';

export interface ExchangeOptions extends SimEndpointOptions {
  readonly seed: number;
  readonly scenario: string;
  /** The stages of each direction. */
  readonly link: () => Stage[];
  /** Bytes from client to server, and from server to client. */
  readonly up: number;
  readonly down: number;
  /** Virtual ms. */
  readonly limitMs: number;
  readonly serverTransport?: TransportConfig;
}

export interface ExchangeResult {
  readonly pair: Pair;
  readonly client: Connection;
  readonly server: Connection;
  /** Virtual ms from the first packet until both sides have everything. */
  readonly elapsedMs: number;
  /** Until the client was connected. */
  readonly connectedMs: number;
  readonly logHash: string;
}

/** @throws Error that names scenario, seed and state when it does not end well in time */
export function exchange(options: ExchangeOptions): ExchangeResult {
  const { seed, up, down } = options;
  const simulation = new Simulation({ seed });
  const start = simulation.now;
  let connectedAt = Infinity;
  let isDone = false;
  let server: Connection | undefined;
  const senders: BulkSender[] = [];
  const receivers: BulkReceiver[] = [];
  const onClosed = (side: string, reason: unknown): void => {
    if (!isDone) throw new Error(`${side} closed: ${String(reason)}`);
  };
  const pair: Pair = new Pair({
    simulation,
    client: simClient(simulation, options),
    server: simServer(simulation, { ...options, transport: options.serverTransport ?? options.transport ?? {} }),
    up: options.link(),
    down: options.link(),
    scenario: options.scenario,
    clientHandlers: {
      onEvent(connection, event, now) {
        if (event.type === 'connected') {
          connectedAt = now;
          const id = connection.openStream(true);
          senders[0] = new BulkSender(connection, id, up, seed);
          receivers[0] = new BulkReceiver(connection, id, down, seed + 1);
          senders[0].pump();
        } else if (event.type === 'stream-writable') senders[0]!.pump();
        else if (event.type === 'stream-readable') receivers[0]!.pump();
        else if (event.type === 'closed') onClosed('Client', event.error);
      },
    },
    serverHandlers: {
      onIncoming(connection) {
        server = connection;
      },
      onEvent(connection, event) {
        if (event.type === 'stream-opened') {
          senders[1] = new BulkSender(connection, event.id, down, seed + 1);
          receivers[1] = new BulkReceiver(connection, event.id, up, seed);
          senders[1].pump();
        } else if (event.type === 'stream-writable') senders[1]!.pump();
        else if (event.type === 'stream-readable') receivers[1]!.pump();
        else if (event.type === 'closed') onClosed('Server', event.error);
      },
    },
  });
  const client = pair.connect(TEST_SERVER_NAME);
  pair.run(
    () =>
      receivers.length === 2 &&
      receivers.every((receiver) => receiver?.isFinished) &&
      client.isDrained &&
      server?.isDrained === true,
    options.limitMs,
  );
  isDone = true;
  return {
    pair,
    client,
    server: server!,
    elapsedMs: simulation.now - start,
    connectedMs: connectedAt - start,
    logHash: simulation.packetLog.hash,
  };
}
