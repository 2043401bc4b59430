/** mquictt's broker and clients, as commands. */
import { Client, Config, server, type Message, type Publisher, type Subscriber } from 'mquictt';
import { runCommands } from '../../tools/command-loop.ts';
import { openMany, residentMemory } from './memory.ts';
import { Load, PAYLOAD_LENGTH, TOPICS, type LoadResult } from './mqtt-load.ts';

let load: Load;
let open: () => Promise<Client>;
const idle: Client[] = [];

async function take(subscriber: Subscriber, topic: number): Promise<void> {
  for (;;) {
    let message: Message | undefined = await subscriber.readMessage();
    for (; message !== undefined; message = subscriber.tryReadMessage()) load.onMessage(topic, message.payload.length);
  }
}

runCommands({
  async listen({ certificatePem, keyPem }: { certificatePem: string; keyPem: string }): Promise<number> {
    const broker = await server('127.0.0.1:0', Config.fromPem({ certificatePem, keyPem }));
    return broker.address().port;
  },

  async connect({ port, caPem, qos }: { port: number; caPem: string; qos?: 0 | 1 }): Promise<void> {
    const config = Config.fromPem({ caPem });
    open = () => Client.connect('127.0.0.1:0', `127.0.0.1:${port}`, 'localhost', '', config);
    if (qos === undefined) return;
    const publishing = await open();
    const subscribing = await open();
    const payload = new Uint8Array(PAYLOAD_LENGTH).fill(0x78);
    const publishers: Publisher[] = [];
    for (const [i, topic] of TOPICS.entries()) {
      // MQTT.js publishes without RETAIN unless told otherwise, and so does this.
      publishers.push(await publishing.publisher(topic, undefined, { qos, retain: false }));
      const subscriber = await subscribing.subscriber(topic, { qos });
      void take(subscriber, i);
    }
    const onAcknowledged = (): void => load.onAcknowledged();
    load = new Load((topic) => {
      const publisher = publishers[topic] as Publisher;
      if (qos === 0) void publisher.publish(payload);
      else void publisher.publish(payload).then(onAcknowledged);
    });
  },

  run: ({ ms, qos }: { ms: number; qos: 0 | 1 }): Promise<LoadResult> => load.run(ms, qos),

  /** Opens connections that do nothing. */
  async idle({ count }: { count: number }): Promise<void> {
    idle.push(...(await openMany(open, count)));
  },

  memory: residentMemory,
});
