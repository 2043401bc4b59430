/** MQTT.js over each transport, against a broker that listens on all of them. */
import { RootStore, connect as connectQuic } from '@mquictt/quic-node';
import type { QuicConnection } from '@mquictt/quic-node';
import mqtt from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { Config, server } from '../../src/index.ts';
import type { Broker, BrokerOptions, TransportKind } from '../../src/index.ts';
import { developmentCertificates } from './loopback.ts';

export const KINDS: readonly TransportKind[] = ['quic', 'tcp', 'tls', 'ws', 'wss'];

export interface Meeting {
  readonly broker: Broker;
  port(kind: TransportKind): number;
  /** A connected client. */
  dial(kind: TransportKind, options?: IClientOptions): Promise<MqttClient>;
  /** Ends what carries a client without a word of MQTT. */
  cut(client: MqttClient): void;
}

/** A broker with a listener of each kind, all closed at the end. */
export async function withListeners(
  run: (meeting: Meeting) => Promise<void>,
  options: BrokerOptions = {},
): Promise<void> {
  const { caPem, certificatePem, keyPem } = await developmentCertificates();
  const broker = await server('127.0.0.1:0', Config.fromPem({ certificatePem, keyPem }), {
    listeners: (['tcp', 'tls', 'ws', 'wss'] as const).map((type) => ({ type, port: 0 })),
    ...options,
  });
  const clients: MqttClient[] = [];
  const connections: QuicConnection[] = [];
  const port = (kind: TransportKind): number => broker.listeners().find(({ type }) => type === kind)!.address.port;

  const make = async (kind: TransportKind, settings: IClientOptions): Promise<MqttClient> => {
    const common = { reconnectPeriod: 0, connectTimeout: 5_000, ...settings } as const;
    if (kind !== 'quic') {
      const scheme = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' }[kind];
      const tls = { ca: caPem, servername: 'localhost' };
      return mqtt.connect(`${scheme}://127.0.0.1:${port(kind)}/mqtt`, {
        ...tls,
        wsOptions: tls,
        ...common,
      } as IClientOptions);
    }
    const connection = await connectQuic({
      ...broker.address(),
      serverName: 'localhost',
      alpnProtocols: ['mqtt'],
      roots: RootStore.fromPem(caPem),
    });
    connections.push(connection);
    const duplex = (await connection.openStream()).toDuplex();
    // MQTT.js takes its listener off when it is through.
    duplex.on('error', () => {});
    return new mqtt.MqttClient(() => duplex as never, common);
  };
  try {
    await run({
      broker,
      port,
      async dial(kind, settings = {}) {
        const client = await make(kind, settings);
        clients.push(client);
        await new Promise<void>((resolve, reject) => {
          client.once('connect', () => resolve());
          // Later ones are looked for in what the tests look at.
          client.on('error', reject);
        });
        return client;
      },
      cut: (client) => void client.stream.destroy(),
    });
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)));
    await Promise.all(connections.map((connection) => connection.close({ immediate: true })));
    await broker.close();
  }
}
