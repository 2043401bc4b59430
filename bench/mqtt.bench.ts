/**
 * MQTT messages per second: 64 topics, payloads of 100 bytes, publisher and subscriber in one process, the broker in
 * another. Only what the subscriber gets counts.
 */
import type { Benchmark } from './lib/benchmark.ts';
import { Duo, PATIENCE, spawnNode } from './lib/duo.ts';
import type { LoadResult } from './parties/mqtt-load.ts';

function messages(qos: 0 | 1): Benchmark {
  return {
    name: `mqtt-qos${qos}`,
    unit: 'messages/s',
    better: 'more',
    warmUps: 2,
    rounds: 5,
    contenders(settings) {
      const contender = (name: string, program: string): Duo =>
        new Duo({
          name,
          settings,
          spawn: spawnNode(program, settings),
          args: { qos },
          async measure(_broker, client) {
            const duration = 1.5 * settings.duration;
            const result = await client.request<LoadResult>('run', { ms: duration, qos }, duration + PATIENCE);
            return { value: (1000 * result.received) / result.ms, loss: result.lost / result.published };
          },
        });
      return [contender('mquictt', 'mqtt-ours.ts'), contender('aedes over TLS', 'mqtt-aedes.ts')];
    },
  };
}

export const benchmarks: readonly Benchmark[] = [messages(0), messages(1)];
