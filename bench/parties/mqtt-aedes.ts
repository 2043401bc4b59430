/** aedes over TLS and MQTT.js: broker and clients, as commands. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import { connectAsync, type MqttClient } from 'mqtt';
import { runCommands } from '../../tools/command-loop.ts';
import { openMany, residentMemory } from './memory.ts';
import { Load, PAYLOAD_LENGTH, TOPICS, type LoadResult } from './mqtt-load.ts';

let load: Load;
let open: () => Promise<MqttClient>;
const idle: MqttClient[] = [];

runCommands({
  async listen({ certificatePem, keyPem }: { certificatePem: string; keyPem: string }): Promise<number> {
    const broker = await Aedes.createBroker();
    const server = createServer({ cert: certificatePem, key: keyPem, minVersion: 'TLSv1.3' }, broker.handle);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },

  async connect({ port, caPem, qos }: { port: number; caPem: string; qos?: 0 | 1 }): Promise<void> {
    open = () => connectAsync({ protocol: 'mqtts', host: '127.0.0.1', port, ca: caPem, servername: 'localhost' });
    if (qos === undefined) return;
    const publisher = await open();
    const subscriber = await open();
    const payload = Buffer.alloc(PAYLOAD_LENGTH, 'x');
    const numbers = new Map(TOPICS.map((topic, i) => [topic, i]));
    const onAcknowledged = (): void => load.onAcknowledged();
    load = new Load((topic) => {
      if (qos === 0) publisher.publish(TOPICS[topic] as string, payload);
      else publisher.publish(TOPICS[topic] as string, payload, { qos }, onAcknowledged);
    });
    subscriber.on('message', (topic, message) => load.onMessage(numbers.get(topic) as number, message.length));
    await subscriber.subscribeAsync([...TOPICS], { qos });
  },

  run: ({ ms, qos }: { ms: number; qos: 0 | 1 }): Promise<LoadResult> => load.run(ms, qos),

  /** Opens connections that do nothing. */
  async idle({ count }: { count: number }): Promise<void> {
    idle.push(...(await openMany(open, count)));
  },

  memory: residentMemory,
});
