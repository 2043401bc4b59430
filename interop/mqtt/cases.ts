/** What mosquitto's programs do with our broker. */
import assert from 'node:assert/strict';
import type { Broker } from 'mquictt';
import { start } from './mosquitto.ts';
import type { Program, Ran, Running } from './mosquitto.ts';

export interface Meeting {
  readonly broker: Broker;
  readonly version: 'mqttv311' | 'mqttv5';
  /** Options by which the programs reach the broker. */
  readonly reach: readonly string[];
}

export interface MqttCase {
  readonly name: string;
  readonly only?: Meeting['version'];
  run(meeting: Meeting): Promise<void>;
}

/** s that a program may wait for messages. */
const PATIENCE = '10';

function begin(meeting: Meeting, program: Program, args: readonly string[], input?: string): Running {
  return start(program, [...meeting.reach, '-V', meeting.version, ...args], input);
}

async function succeeds(running: Running): Promise<Ran> {
  const ran = await running.ran;
  assert.equal(ran.code, 0, ran.error);
  return ran;
}

async function subscribed(meeting: Meeting, count: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (meeting.broker.stats().subscriptions < count) {
    assert.ok(performance.now() < deadline, 'SUBSCRIBE did not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const publish = (meeting: Meeting, args: readonly string[], input?: string): Promise<Ran> =>
  succeeds(begin(meeting, 'mosquitto_pub', args, input));

export const CASES: readonly MqttCase[] = [
  ...[0, 1, 2].map((qos): MqttCase => {
    const level = ['-q', String(qos)];
    return {
      name: `QoS ${qos}: 100 messages in order, one of 200,000 bytes`,
      async run(meeting) {
        const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
        const large = 'x'.repeat(200_000);
        const wait = ['-C', '101', '-W', PATIENCE];
        const subscriber = begin(meeting, 'mosquitto_sub', ['-t', 'a/+', ...level, ...wait]);
        await subscribed(meeting, 1);
        await publish(meeting, ['-t', 'a/b', '-l', ...level], `${lines.join('\n')}\n`);
        await publish(meeting, ['-t', 'a/b', '-s', ...level], large);
        const { out } = await succeeds(subscriber);
        assert.deepEqual(out.trimEnd().split('\n'), [...lines, large]);
      },
    };
  }),
  {
    name: 'a retained message, and none after it was cleared',
    async run(meeting) {
      await publish(meeting, ['-t', 'kept', '-m', 'still here', '-r', '-q', '1']);
      const { out } = await succeeds(begin(meeting, 'mosquitto_sub', ['-t', '#', '-v', '-C', '1', '-W', PATIENCE]));
      assert.equal(out, 'kept still here\n');
      await publish(meeting, ['-t', 'kept', '-n', '-r', '-q', '1']);
      const { code } = await begin(meeting, 'mosquitto_sub', ['-t', '#', '-C', '1', '-W', '1']).ran;
      assert.equal(code, 27, 'it timed out');
    },
  },
  {
    name: 'a will, published when its client is killed',
    async run(meeting) {
      const watcher = begin(meeting, 'mosquitto_sub', ['-t', 'will', '-C', '1', '-W', PATIENCE]);
      await subscribed(meeting, 1);
      const will = ['--will-topic', 'will', '--will-payload', 'gone', '--will-qos', '1'];
      const client = begin(meeting, 'mosquitto_sub', ['-t', 'nothing', ...will]);
      await subscribed(meeting, 2);
      client.kill();
      assert.equal((await succeeds(watcher)).out, 'gone\n');
    },
  },
  {
    name: 'a session that waits for its client',
    async run(meeting) {
      const keep = meeting.version === 'mqttv5' ? ['-x', '60'] : [];
      const session = ['-i', 'keeper', '-c', '-q', '1', '-t', 'later', ...keep];
      const first = begin(meeting, 'mosquitto_sub', session);
      await subscribed(meeting, 1);
      first.kill();
      await first.ran;
      await publish(meeting, ['-t', 'later', '-m', 'while you were away', '-q', '1']);
      const { out } = await succeeds(begin(meeting, 'mosquitto_sub', [...session, '-C', '1', '-W', PATIENCE]));
      assert.equal(out, 'while you were away\n');
    },
  },
  {
    name: 'properties of PUBLISH arrive',
    only: 'mqttv5',
    async run(meeting) {
      const print = ['-F', '%P|%C|%D|%p', '-C', '1', '-W', PATIENCE];
      const subscriber = begin(meeting, 'mosquitto_sub', ['-t', 'p', ...print]);
      await subscribed(meeting, 1);
      const property = (name: string, ...value: string[]): string[] => ['-D', 'publish', name, ...value];
      const properties = [
        property('user-property', 'name', 'value'),
        property('content-type', 'text/plain'),
        property('correlation-data', 'c1'),
      ];
      await publish(meeting, ['-t', 'p', '-m', 'payload', ...properties.flat()]);
      assert.equal((await succeeds(subscriber)).out, 'name:value|text/plain|c1|payload\n');
    },
  },
  {
    name: 'request and response',
    only: 'mqttv5',
    async run(meeting) {
      const service = begin(meeting, 'mosquitto_sub', ['-t', 'request', '-C', '1', '-W', PATIENCE, '-F', '%R %D %p']);
      await subscribed(meeting, 1);
      const args = ['-t', 'request', '-e', 'response', '-m', 'how are you?', '-W', PATIENCE];
      const client = begin(meeting, 'mosquitto_rr', [...args, '-D', 'publish', 'correlation-data', 'x1']);
      const { out } = await succeeds(service);
      assert.equal(out, 'response x1 how are you?\n');
      await publish(meeting, ['-t', 'response', '-m', 'fine']);
      assert.equal((await succeeds(client)).out, 'fine\n');
    },
  },
];
