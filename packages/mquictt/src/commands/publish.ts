/** `mquictt pub`: publishes one message, or one per line of standard input. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { MqttError } from '../errors.ts';
import { addConnectionOptions, openConnection, qos } from './connection-options.ts';
import type { ConnectionFlags } from './connection-options.ts';
import { ExitCode, UsageError } from './io.ts';
import type { CommandIo } from './io.ts';

interface PublishFlags extends ConnectionFlags {
  readonly topic?: string;
  readonly message?: string;
  readonly file?: string;
  readonly nullMessage?: boolean;
  readonly stdinLine?: boolean;
  readonly stdinFile?: boolean;
  readonly qos: 0 | 1;
  readonly retain?: boolean;
}

export function publishCommand(io: CommandIo, done: (code: ExitCode) => void): Command {
  const command = new Command('pub').description('publish a message');
  return addConnectionOptions(command)
    .option('-t, --topic <topic>', 'topic to publish on')
    .option('-m, --message <text>', 'the message')
    .option('-f, --file <file>', 'a file as the message')
    .option('-n, --null-message', 'an empty message; with -r it clears what the topic keeps')
    .option('-l, --stdin-line', 'one message for each line of standard input')
    .option('-s, --stdin-file', 'all of standard input as the message')
    .option('-q, --qos <0|1>', '1: wait until the broker has it', qos, 0)
    .option('-r, --retain', 'the broker keeps it as the last message of the topic')
    .action(async (flags: PublishFlags) => done(await publish(flags, io)));
}

async function publish(flags: PublishFlags, io: CommandIo): Promise<ExitCode> {
  const { message, file, nullMessage, stdinLine, stdinFile } = flags;
  const sources = [message, file, nullMessage, stdinLine, stdinFile].filter((source) => source !== undefined);
  if (sources.length !== 1) throw new UsageError('Give the message with one of -m, -f, -n, -l and -s');
  if (flags.topic === undefined && flags.url === undefined) throw new UsageError('Give a topic with -t');
  const payload = stdinLine === true ? undefined : await payloadOf(flags, io);
  const { client, topic: urlTopic } = await openConnection(flags, io);
  try {
    const topic = flags.topic ?? urlTopic;
    if (topic === undefined) throw new UsageError('Give a topic with -t or in the URL');
    const publisher = await client.publisher(topic, undefined, {
      qos: flags.qos,
      retain: flags.retain ?? false,
      signal: io.signal,
    });
    if (payload !== undefined) {
      await publisher.publish(payload);
    } else {
      for await (const line of io.lines()) {
        if (io.signal.aborted) break;
        await publisher.publish(line);
      }
    }
    await publisher.close();
  } finally {
    await client.close();
  }
  return io.signal.aborted ? ExitCode.INTERRUPTED : ExitCode.OK;
}

async function payloadOf(flags: PublishFlags, io: CommandIo): Promise<Uint8Array | string> {
  if (flags.message !== undefined) return flags.message;
  if (flags.nullMessage === true) return '';
  if (flags.file === undefined) return io.readInput();
  try {
    return await readFile(flags.file);
  } catch (error) {
    throw new MqttError('ERR_MQTT_INVALID_ARGUMENT', `Cannot read the message: ${(error as Error).message}`, {
      fault: 'usage',
      cause: error,
    });
  }
}
