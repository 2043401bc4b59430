/** `--tcp`, `--tls`, `--ws` and `--wss` of the broker: each may be given more than once, with or without an address. */
import { parseAddress } from '@mquictt/quic-node';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { ListenerOptions } from '../broker/listener-options.ts';

type Type = Exclude<ListenerOptions['type'], 'quic'>;

export type ListenerFlags = { readonly [Name in Type]?: readonly ListenerOptions[] };

const FLAGS: readonly (readonly [Type, port: string, description: string])[] = [
  ['tcp', '1883', 'listen on TCP as well, without encryption'],
  ['tls', '8883', 'listen on TLS as well'],
  ['ws', '8080', 'listen on WebSocket as well, without encryption, path /mqtt'],
  ['wss', '8083', 'listen on secure WebSocket as well, path /mqtt'],
];

export function addListenerOptions(command: Command): Command {
  for (const [type, port, description] of FLAGS) {
    const option = new Option(`--${type} [[host:]port]`, description).preset(port);
    option.argParser((text: string, before: ListenerOptions[] | undefined) => [...(before ?? []), read(type, text)]);
    command.addOption(option);
  }
  return command;
}

export function listenersOf(flags: ListenerFlags): ListenerOptions[] {
  return FLAGS.flatMap(([type]) => flags[type] ?? []);
}

function read(type: Type, text: string): ListenerOptions {
  // Where there is no host it is that of --address.
  const isPort = /^\d+$/.test(text);
  try {
    const { host, port } = parseAddress(isPort ? `localhost:${text}` : text);
    return isPort ? { type, port } : { type, host, port };
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
