/** Bare sockets against a broker's listeners, and what must hold after they have done their worst. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import * as assert from 'uvu/assert';
import type { ListenerOptions } from '../../src/index.ts';
import { until } from './loopback.ts';
import type { Meeting } from './mqttjs.ts';
import { SEED } from './seed.ts';

type Kind = Exclude<ListenerOptions['type'], 'quic'>;
export const SOCKET_KINDS: readonly Kind[] = ['tcp', 'tls', 'ws', 'wss'];

export async function dialSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  // Being thrown out is what is expected.
  socket.on('error', () => {}).resume();
  await once(socket, 'connect').catch(() => {});
  return socket;
}

export const open = (sockets: readonly Socket[]): number => sockets.filter(({ closed }) => !closed).length;

/** A client of MQTT.js gets in and has its message back. */
export async function isServed({ dial }: Meeting, kind: Kind): Promise<void> {
  const client = await dial(kind);
  await client.subscribeAsync('served', { qos: 1 });
  const message = new Promise<void>((resolve) => client.once('message', () => resolve()));
  await client.publishAsync('served', 'yes', { qos: 1 });
  await message;
  await client.endAsync();
}

export async function isUnharmed({ broker }: Meeting): Promise<void> {
  await until(() => broker.listeners().every(({ connections }) => connections === 0));
  const { internalErrors, connections } = broker.stats();
  assert.equal({ internalErrors, connections }, { internalErrors: 0, connections: 0 }, `SEED=${SEED}`);
}
