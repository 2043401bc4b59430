/** `mquictt broker`: runs until Ctrl-C. */
import { writeFile } from 'node:fs/promises';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { formatAddress } from '@mquictt/quic-node';
import { Command, Option } from 'commander';
import type { AccessOptions } from '../access/access-control.ts';
import { PasswordFile } from '../access/password-file.ts';
import type { Broker } from '../broker/broker.ts';
import { server } from '../broker/broker.ts';
import { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { DEFAULT_PORT } from '../quic-options.ts';
import { LevelStore } from '../stores/level-store.ts';
import { RedisStore } from '../stores/redis-store.ts';
import type { Store } from '../stores/store.ts';
import { integer, readPems } from './connection-options.ts';
import { ExitCode, UsageError } from './io.ts';
import type { CommandIo } from './io.ts';
import { addListenerOptions, listenersOf } from './listener-flags.ts';
import type { ListenerFlags } from './listener-flags.ts';

interface BrokerFlags extends ListenerFlags {
  readonly config?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly cafile?: string;
  readonly requireCertificate?: boolean;
  readonly address: string;
  readonly development?: boolean;
  readonly names?: readonly string[];
  readonly caOut?: string;
  readonly passwordFile?: string;
  readonly maxPacketSize?: number;
  readonly data?: string;
  readonly redis?: string;
  readonly redisPrefix?: string;
  readonly durability?: 'os' | 'disk';
  readonly verbose?: boolean;
}

export function brokerCommand(io: CommandIo, done: (code: ExitCode) => void): Command {
  const command = new Command('broker')
    .description(
      'run a broker for MQTT 5 and MQTT 3.1.1 over QUIC, TCP, TLS and WebSocket; everybody who reaches it may publish and subscribe unless its configuration says otherwise',
    )
    .option('-c, --config <file>', 'configuration file with auth.cert_file and auth.key_file')
    .option('--cert <file>', 'PEM file of the certificate and those that lead to its CA, instead of --config')
    .option('--key <file>', 'PEM file of its private key')
    .option(
      '--cafile <file>',
      'PEM file of the CA whose certificates are taken from clients (default: none are asked for)',
    )
    .option('--require-certificate', 'refuse clients without a certificate')
    .option('-a, --address <host:port>', 'where to listen for QUIC', `0.0.0.0:${DEFAULT_PORT}`)
    .option('--development', 'make a certificate that lives as long as the broker')
    .option('--names <name...>', 'names and addresses for that certificate', ['localhost', '127.0.0.1', '::1'])
    .option('--ca-out <file>', 'write the CA of that certificate to a file, for --cafile of the clients')
    .option('--password-file <file>', 'names and passwords, as `mquictt passwd` writes them; others are not let in')
    .option('--max-packet-size <bytes>', 'largest MQTT packet taken (default: 1048576)', integer(64, 268_435_460))
    .option('--data <folder>', 'keep sessions and messages in a folder, so that they outlive the broker')
    .option('--redis <url>', 'keep them in Redis instead, as in redis://127.0.0.1:6379')
    .option('--redis-prefix <name>', 'begins the keys there; each broker needs one of its own (default: mquictt)')
    .addOption(
      new Option(
        '--durability <what>',
        'what the folder survives: "disk" a power cut, "os" only the end of the broker, which is faster',
      )
        .choices(['disk', 'os'])
        .default('disk'),
    )
    .option('-v, --verbose', 'tell what happens')
    .action(async (flags: BrokerFlags) => done(await runBroker(flags, io)));
  return addListenerOptions(command);
}

async function runBroker(flags: BrokerFlags, io: CommandIo): Promise<ExitCode> {
  const config = await configOf(flags);
  const access = await accessOf(flags, config);
  const store = await storeOf(flags);
  // With --verbose the broker says so itself.
  if (flags.verbose !== true) for (const warning of store?.warnings ?? []) io.error(`warning: ${warning}`);
  const broker = await server(flags.address, config, {
    onWarning: (message) => io.error(`warning: ${message}`),
    ...(flags.requireCertificate === true ? { clientCertificates: { required: true } } : {}),
    ...(access === undefined ? {} : { access }),
    ...(flags.maxPacketSize === undefined ? {} : { maxPacketSize: flags.maxPacketSize }),
    ...(store === undefined ? {} : { store }),
    listeners: listenersOf(flags),
    ...(flags.verbose === true ? { logger: consoleLogger(io) } : {}),
  });
  const stopReloading = io.onReload(() => void reload(broker, flags, io));
  for (const { type, address } of broker.listeners().slice(1))
    io.error(`Also listening on ${type} ${formatAddress(address)}`);
  io.error(`Listening on ${formatAddress(broker.address())}. Ctrl-C ends it.`);
  if (!io.signal.aborted) await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
  stopReloading();
  await broker.close();
  io.error('Closed.');
  return ExitCode.OK;
}

async function storeOf(flags: BrokerFlags): Promise<Store | undefined> {
  const { data, redis, redisPrefix, durability } = flags;
  if (data !== undefined && redis !== undefined) throw new UsageError('Give only one of --data and --redis');
  if (data === undefined && durability === 'os') throw new UsageError('--durability is about the folder of --data');
  if (redis === undefined && redisPrefix !== undefined) throw new UsageError('--redis-prefix goes with --redis');
  if (data !== undefined) return LevelStore.open(data, { durability: durability ?? 'disk' });
  if (redis !== undefined) return RedisStore.open(redis, redisPrefix === undefined ? {} : { prefix: redisPrefix });
  return undefined;
}

/** Reads passwords, keys for tokens, rules and certificates again, all or none of them. */
async function reload(broker: Broker, flags: BrokerFlags, io: CommandIo): Promise<void> {
  try {
    // What was made for development is made once.
    const config = flags.development === true ? undefined : await configOf(flags);
    const access = await accessOf(flags, config);
    if (config !== undefined) broker.setCertificate(config);
    broker.setAccess(access);
    io.error('The configuration has been read again.');
  } catch (error) {
    io.error(`warning: nothing was changed: ${(error as Error).message}`);
  }
}

/** @throws MqttError ERR_MQTT_ACCESS */
async function accessOf(flags: BrokerFlags, config: Config | undefined): Promise<AccessOptions | undefined> {
  if (flags.passwordFile === undefined) return config?.access;
  if (config?.access?.passwords !== undefined)
    throw new UsageError('Name the password file in the configuration or with --password-file, not both');
  return { ...config?.access, passwords: await PasswordFile.read(flags.passwordFile) };
}

async function configOf(flags: BrokerFlags): Promise<Config> {
  const sources = [flags.config, flags.cert ?? flags.key, flags.development].filter((source) => source !== undefined);
  if (sources.length > 1) throw new UsageError('Give only one of --config, --cert with --key, and --development');
  if (flags.cafile !== undefined && flags.cert === undefined)
    throw new UsageError('--cafile goes with --cert and --key; a configuration file names the CA itself');
  if (flags.config !== undefined) return Config.read(flags.config);
  if (flags.cert !== undefined && flags.key !== undefined) {
    return Config.fromPem(await readPems({ caPem: flags.cafile, certificatePem: flags.cert, keyPem: flags.key }));
  }
  if (flags.development !== true)
    throw new UsageError(
      'A broker needs a certificate: give --cert and --key, or --config, or try it out with --development',
    );
  const certificates = await createDevelopmentCertificates({ names: flags.names ?? [] });
  if (flags.caOut !== undefined) await writeFile(flags.caOut, certificates.caPem);
  return Config.fromPem(certificates);
}

function consoleLogger(io: CommandIo): Logger {
  const write =
    (level: string) =>
    (fields: object, message: string): void => {
      const details = Object.entries(fields).map(
        ([name, value]) => `${name}=${value instanceof Error ? (value.stack ?? value.message) : String(value)}`,
      );
      io.error(`${level}: ${message} ${details.join(' ')}`);
    };
  return { debug: () => {}, info: write('info'), warn: write('warning'), error: write('error') };
}
