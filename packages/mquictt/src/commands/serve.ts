/** `mquictt serve`: runs until SIGTERM or Ctrl-C, and reads its configuration again on SIGHUP. */
import { writeFile } from 'node:fs/promises';
import { parseAddress } from '@mquictt/quic-node';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Command, Option } from 'commander';
import { PasswordFile } from '../access/password-file.ts';
import { Config } from '../config.ts';
import { configurationText } from '../operations/configuration-text.ts';
import { readConfiguration } from '../operations/configuration.ts';
import type { Configuration, StoreSection } from '../operations/configuration.ts';
import type { LogFormat, LogLevelName } from '../operations/log.ts';
import { DEFAULT_MONITORING_PORT } from '../operations/monitoring.ts';
import { Service } from '../operations/service.ts';
import type { Loaded } from '../operations/service.ts';
import { integer, readPems } from './connection-options.ts';
import { ExitCode, UsageError } from './io.ts';
import type { CommandIo } from './io.ts';
import { addListenerOptions, listenersOf } from './listener-flags.ts';
import type { ListenerFlags } from './listener-flags.ts';

interface ServeFlags extends ListenerFlags {
  readonly config?: string;
  readonly helpConfig?: boolean;
  readonly cert?: string;
  readonly key?: string;
  readonly cafile?: string;
  readonly requireCertificate?: boolean;
  readonly address?: string;
  readonly development?: boolean;
  readonly names: readonly string[];
  readonly caOut?: string;
  readonly passwordFile?: string;
  readonly maxPacketSize?: number;
  readonly data?: string;
  readonly redis?: string;
  readonly redisPrefix?: string;
  readonly durability?: 'os' | 'disk';
  readonly metrics?: string | true;
  readonly logLevel?: LogLevelName;
  readonly logFormat?: LogFormat;
  readonly verbose?: boolean;
}

export function serveCommand(io: CommandIo, done: (code: ExitCode) => void): Command {
  const command = new Command('serve')
    .alias('broker')
    .description(
      'run a broker for MQTT 5 and MQTT 3.1.1; everybody who reaches it may publish and subscribe unless its configuration says otherwise',
    )
    .option('-c, --config <file>', 'JSON configuration, see --help-config; flags go before it')
    .option('--help-config', 'show what the configuration may say')
    .option('--cert <file>', 'PEM file of the certificate and those that lead to its CA (default: one is made)')
    .option('--key <file>', 'PEM file of its private key')
    .option(
      '--cafile <file>',
      'PEM file of the CA whose certificates are taken from clients (default: none are asked for)',
    )
    .option('--require-certificate', 'refuse clients without a certificate')
    .option('-a, --address <host:port>', 'where to listen for QUIC (default: 0.0.0.0:14567)')
    .option('--development', 'make a certificate that lives as long as the broker, whatever else there is')
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
        'what the folder survives: "disk" a power cut (default), "os" only the end of the broker, which is faster',
      ).choices(['disk', 'os']),
    )
    .option('--metrics [[host:]port]', `metrics and health over HTTP (default: 127.0.0.1:${DEFAULT_MONITORING_PORT})`)
    .addOption(
      new Option('--log-level <level>', 'the least that is told (default: info)').choices([
        'debug',
        'info',
        'warn',
        'error',
        'silent',
      ]),
    )
    .addOption(
      new Option('--log-format <format>', 'default: pretty on a terminal, otherwise json').choices(['json', 'pretty']),
    )
    .option('-v, --verbose', 'the same as --log-level debug')
    .action(async (flags: ServeFlags) => done(await serve(flags, io)));
  return addListenerOptions(command);
}

async function serve(flags: ServeFlags, io: CommandIo): Promise<ExitCode> {
  if (flags.helpConfig === true) {
    io.out(configurationText());
    return ExitCode.OK;
  }
  const service = await Service.start({
    load: loader(flags),
    write: (line) => io.error(line),
    isTerminal: io.isTerminal,
  });
  const stopReloading = io.onReload(() => void service.reload());
  if (!io.signal.aborted) await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
  stopReloading();
  return (await service.stop()) ? ExitCode.OK : ExitCode.FAILED;
}

/** @returns reads everything that the flags name; what is made for development is made once */
function loader(flags: ServeFlags): () => Promise<Loaded> {
  let development: Promise<Loaded['config']> | undefined;
  return async () => {
    checkFlags(flags);
    const file = flags.config === undefined ? {} : await readConfiguration(flags.config);
    const fromFile = flags.config === undefined ? Config.empty() : await Config.read(flags.config);
    const configuration = withFlags(file, flags);
    let config = fromFile;
    let notes: readonly string[] = [];
    if (flags.cert !== undefined && flags.key !== undefined) {
      config = await Config.fromPem(
        await readPems({ caPem: flags.cafile, certificatePem: flags.cert, keyPem: flags.key }),
      );
    } else if (flags.development === true || fromFile.credential === undefined) {
      development ??= makeDevelopmentCertificates(flags);
      config = await development;
      notes = [developmentNote(flags)];
    }
    const { access } = fromFile;
    if (flags.passwordFile !== undefined && access?.passwords !== undefined)
      throw new UsageError('Name the password file in the configuration or with --password-file, not both');
    const passwords = flags.passwordFile === undefined ? undefined : await PasswordFile.read(flags.passwordFile);
    return { configuration, config, access: passwords === undefined ? access : { ...access, passwords }, notes };
  };
}

function checkFlags(flags: ServeFlags): void {
  const { cert, key, cafile, development, data, redis, redisPrefix, durability } = flags;
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('Give --cert and --key together');
  if (cert !== undefined && development === true) throw new UsageError('Give only one of --cert and --development');
  if (cafile !== undefined && cert === undefined)
    throw new UsageError('--cafile goes with --cert and --key; a configuration file names the CA itself');
  if (data !== undefined && redis !== undefined) throw new UsageError('Give only one of --data and --redis');
  if (data === undefined && durability !== undefined)
    throw new UsageError('--durability is about the folder of --data');
  if (redis === undefined && redisPrefix !== undefined) throw new UsageError('--redis-prefix goes with --redis');
}

async function makeDevelopmentCertificates({ names, caOut }: ServeFlags): Promise<Config> {
  const certificates = await createDevelopmentCertificates({ names });
  if (caOut !== undefined) await writeFile(caOut, certificates.caPem);
  return Config.fromPem({ certificatePem: certificates.certificatePem, keyPem: certificates.keyPem });
}

function developmentNote({ names, caOut }: ServeFlags): string {
  const trust = caOut === undefined ? 'write its CA to a file with --ca-out' : `its CA is in ${caOut}`;
  return `The certificate was made for development: it is for ${names.join(', ')} and lives as long as this process; ${trust}`;
}

function withFlags(file: Configuration, flags: ServeFlags): Configuration {
  const { address, requireCertificate, maxPacketSize, metrics, verbose } = flags;
  const level = flags.logLevel ?? (verbose === true ? 'debug' : undefined);
  const listeners = [...(file.listeners ?? []), ...listenersOf(flags)];
  const store = storeOf(flags) ?? file.store;
  if (store?.folder !== undefined && store.redis !== undefined)
    throw new UsageError(
      '"store" of the configuration has a folder and Redis: only one of them can keep what is stored',
    );
  return {
    ...file,
    ...(address === undefined ? {} : { address }),
    ...(requireCertificate === undefined ? {} : { requireCertificate }),
    ...(maxPacketSize === undefined ? {} : { maxPacketSize }),
    ...(listeners.length === 0 ? {} : { listeners }),
    ...(store === undefined ? {} : { store }),
    ...(metrics === undefined
      ? {}
      : { monitoring: { ...file.monitoring, ...(metrics === true ? {} : placeOf(metrics)) } }),
    log: {
      ...file.log,
      ...(level === undefined ? {} : { level }),
      ...(flags.logFormat === undefined ? {} : { format: flags.logFormat }),
    },
  };
}

function storeOf({ data, redis, redisPrefix, durability }: ServeFlags): StoreSection | undefined {
  if (data !== undefined) return { folder: data, ...(durability === undefined ? {} : { durability }) };
  if (redis !== undefined) return { redis, ...(redisPrefix === undefined ? {} : { prefix: redisPrefix }) };
  return undefined;
}

/** @throws UsageError */
function placeOf(text: string): { readonly host?: string; readonly port: number } {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return { port: Number(text) };
  try {
    return parseAddress(text);
  } catch {
    throw new UsageError(`Expected a port or host:port, got ${text}`);
  }
}
