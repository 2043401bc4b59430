/** `mquictt sub`: prints messages as they come. */
import { Command } from 'commander';
import type { Message } from '../client/message.ts';
import type { Subscriber } from '../client/subscriber.ts';
import { addConnectionOptions, integer, openConnection, qos, seconds } from './connection-options.ts';
import type { ConnectionFlags } from './connection-options.ts';
import { ExitCode, UsageError } from './io.ts';
import type { CommandIo } from './io.ts';

interface SubscribeFlags extends ConnectionFlags {
  readonly topic?: readonly string[];
  readonly qos: 0 | 1;
  readonly count?: number;
  readonly wait?: number;
  readonly verbose?: boolean;
  readonly noNewline?: boolean;
  readonly noStale?: boolean;
}

export function subscribeCommand(io: CommandIo, done: (code: ExitCode) => void): Command {
  const command = new Command('sub').description('subscribe and print messages');
  return addConnectionOptions(command)
    .option('-t, --topic <filter>', 'topic filter; may be given several times, each gets a stream of its own', gather)
    .option('-q, --qos <0|1>', 'largest QoS of delivery', qos, 0)
    .option('-C, --count <n>', 'end after so many messages', integer(1, Number.MAX_SAFE_INTEGER))
    .option('-W, --wait <seconds>', `end after so many seconds, with exit code ${ExitCode.TIMED_OUT}`, seconds)
    .option('-v, --verbose', 'print the topic before each message')
    .option('-N, --no-newline', 'print messages as they are, without a line end')
    .option('-R, --no-stale', 'leave out messages that were there before')
    .action(async (flags: SubscribeFlags & { newline?: boolean; stale?: boolean }) =>
      // commander turns --no-x into x: false.
      done(await subscribe({ ...flags, noNewline: flags.newline === false, noStale: flags.stale === false }, io)),
    );
}

function gather(filter: string, filters: readonly string[] = []): readonly string[] {
  return [...filters, filter];
}

async function subscribe(flags: SubscribeFlags, io: CommandIo): Promise<ExitCode> {
  if (flags.topic === undefined && flags.url === undefined) throw new UsageError('Give a topic filter with -t');
  const { client, topic } = await openConnection(flags, io);
  const stop = new AbortController();
  const signal = AbortSignal.any([io.signal, stop.signal]);
  let isTimedOut = false;
  const timer =
    flags.wait === undefined
      ? undefined
      : setTimeout(() => {
          isTimedOut = true;
          stop.abort();
        }, flags.wait * 1000);
  try {
    const filters = [...(flags.topic ?? []), ...(topic === undefined ? [] : [topic])];
    if (filters.length === 0) throw new UsageError('Give a topic filter with -t or in the URL');
    const options = { qos: flags.qos, retainHandling: flags.noStale === true ? 2 : 0, signal } as const;
    const subscribers = await Promise.all(filters.map((filter) => client.subscriber(filter, options)));
    let left = flags.count ?? Infinity;
    const print = (message: Message): void => {
      if (left-- <= 0) return;
      if (flags.verbose === true) io.out(`${message.topic} `);
      io.out(message.payload);
      if (flags.noNewline !== true) io.out('\n');
      if (left === 0) stop.abort();
    };
    await Promise.all(subscribers.map((subscriber) => read(subscriber, print, signal)));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    await client.close({ deadline: 1_000 });
  }
  if (io.signal.aborted) return ExitCode.INTERRUPTED;
  return isTimedOut ? ExitCode.TIMED_OUT : ExitCode.OK;
}

async function read(subscriber: Subscriber, print: (message: Message) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      print(await subscriber.readMessage({ signal }));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }
}
