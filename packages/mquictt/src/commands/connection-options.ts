/** The options that `pub` and `sub` share, with the names that users of mosquitto know. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { Client } from '../client/client.ts';
import type { ClientOptions, WillOptions } from '../client/options.ts';
import { Config } from '../config.ts';
import type { PemFiles } from '../config.ts';
import { MqttError } from '../errors.ts';
import { DEFAULT_PORT } from '../quic-options.ts';
import { UsageError } from './io.ts';
import type { CommandIo } from './io.ts';
import { parseUrl } from './url.ts';

export interface ConnectionFlags {
  readonly host?: string;
  readonly port?: number;
  readonly url?: string;
  readonly config?: string;
  readonly cafile?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly bind?: string;
  readonly id?: string;
  readonly keepalive?: number;
  readonly username?: string;
  readonly pw?: string;
  readonly willTopic?: string;
  readonly willPayload?: string;
  readonly willQos?: 0 | 1;
  readonly willRetain?: boolean;
  readonly timeout?: number;
}

/** Adds the options to a command. */
export function addConnectionOptions(command: Command): Command {
  return command
    .helpOption('--help', 'show this help')
    .option('-h, --host <name>', 'broker to connect to (default: localhost)')
    .option('-p, --port <number>', `UDP port of the broker (default: ${DEFAULT_PORT})`, integer(1, 65_535))
    .option('-L, --url <url>', 'mqtt-quic://[user[:password]@]host[:port]/topic instead of -h, -p, -u, -P and -t')
    .option(
      '--config <file>',
      'configuration file with the CA to trust under auth.ca_cert_file, cert_file and key_file',
    )
    .option('--cafile <file>', 'PEM file of the CA to trust (default: the roots of Node.js)')
    .option('--cert <file>', 'PEM file of the certificate to show to a broker that asks for one')
    .option('--key <file>', 'PEM file of its private key')
    .option('--server-name <name>', "name that the broker's certificate must carry (default: the host)")
    .option('-A, --bind <address>', 'local IP address to send from (default: any)')
    .option('-i, --id <id>', 'client identifier (default: the broker chooses)')
    .option(
      '-k, --keepalive <seconds>',
      'seconds of silence before a ping, 0 = never (default: 60)',
      integer(0, 65_535),
    )
    .option('-u, --username <name>', 'user name')
    .option('-P, --pw <password>', 'password')
    .option('--will-topic <topic>', 'what the broker publishes if this program dies: its topic')
    .option('--will-payload <text>', 'its payload')
    .option('--will-qos <0|1>', 'its QoS', qos)
    .option('--will-retain', 'keep it as the last message of its topic')
    .option('--timeout <seconds>', 'how long connecting may take (default: 10)', seconds);
}

/** What the options come to: an open connection, and the topic of the URL. */
export interface OpenConnection {
  readonly client: Client;
  readonly topic: string | undefined;
}

/** @throws UsageError, MqttError */
export async function openConnection(flags: ConnectionFlags, io: CommandIo): Promise<OpenConnection> {
  const url = flags.url === undefined ? undefined : parseUrl(flags.url);
  if (url !== undefined && (flags.host !== undefined || flags.port !== undefined))
    throw new UsageError('Give either --url, or --host and --port');
  const host = url?.host ?? flags.host ?? 'localhost';
  const port = url?.port ?? flags.port ?? DEFAULT_PORT;
  const username = url?.username ?? flags.username;
  const password = url?.password ?? flags.pw;
  const options: ClientOptions = {
    signal: io.signal,
    ...(flags.keepalive === undefined ? {} : { keepAlive: flags.keepalive }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(flags.timeout === undefined ? {} : { timeout: flags.timeout * 1000 }),
    ...willOf(flags),
  };
  const client = await Client.connect(
    flags.bind === undefined ? undefined : { host: flags.bind, port: 0 },
    { host, port },
    flags.serverName ?? host,
    flags.id ?? '',
    await configOf(flags),
    options,
  );
  return { client, topic: url?.topic };
}

async function configOf(flags: ConnectionFlags): Promise<Config> {
  const { config, cafile, cert, key } = flags;
  if (config !== undefined) {
    if ((cafile ?? cert ?? key) !== undefined)
      throw new UsageError('Give either --config, or --cafile, --cert and --key');
    return Config.read(config);
  }
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('Give --cert and --key together');
  return Config.fromPem(await readPems({ caPem: cafile, certificatePem: cert, keyPem: key }));
}

/** @returns the texts of the files that are named */
export async function readPems(files: { readonly [Name in keyof PemFiles]: string | undefined }): Promise<PemFiles> {
  const named = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(await Promise.all(named.map(async ([name, path]) => [name, await readPem(path)])));
}

/** @throws MqttError ERR_MQTT_CERTIFICATE */
async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `Cannot read the certificate file: ${(error as Error).message}`;
    throw new MqttError('ERR_MQTT_CERTIFICATE', message, { fault: 'usage', cause: error });
  }
}

function willOf(flags: ConnectionFlags): { will?: WillOptions } {
  if (flags.willTopic === undefined) {
    if (flags.willPayload !== undefined || flags.willQos !== undefined || flags.willRetain !== undefined)
      throw new UsageError('A will needs --will-topic');
    return {};
  }
  return {
    will: {
      topic: flags.willTopic,
      payload: flags.willPayload ?? '',
      qos: flags.willQos ?? 0,
      retain: flags.willRetain ?? false,
    },
  };
}

/** Reads a whole number for commander. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`expected a whole number ${min}..${max}.`);
    return value;
  };
}

/** Reads a QoS for commander. */
export function qos(text: string): 0 | 1 {
  if (text === '0') return 0;
  if (text === '1') return 1;
  throw new InvalidArgumentError('expected 0 or 1: QoS 2 is not there yet.');
}

/** Reads a duration in seconds for commander. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || value <= 0) throw new InvalidArgumentError('expected seconds above 0.');
  return value;
}
