/**
 * The configuration file of `mquictt serve`: JSON, with `auth` as every configuration of mquictt has it (see Config) and the options of the broker under their
 * own names. Everything may be left out; what is not known is refused.
 */
import { readFile } from 'node:fs/promises';
import { MqttError } from '../errors.ts';
import { BROKER_SETTINGS } from './broker-settings.ts';
import type { BrokerSettings } from './broker-settings.ts';
import type { LogFormat, LogLevelName } from './log.ts';
import { problemsOf } from './settings.ts';
import type { SettingsOf } from './settings.ts';

export interface Configuration extends BrokerSettings {
  readonly address?: string;
  readonly auth?: AuthSection;
  readonly requireCertificate?: boolean;
  readonly log?: LogSection;
  readonly monitoring?: MonitoringSection;
  readonly shutdown?: ShutdownSection;
  readonly logs?: LogsSection;
}

/** Read by Config, which finds the files. */
interface AuthSection {
  readonly ca_cert_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
}

export interface LogSection {
  readonly level?: LogLevelName;
  readonly format?: LogFormat;
}

export interface MonitoringSection {
  readonly host?: string;
  readonly port?: number;
}

export interface ShutdownSection {
  /** Seconds. */
  readonly deadline?: number;
  readonly serverReference?: string;
}

/** See LogConfig. */
interface LogsSection {
  readonly path?: string;
  readonly cache_capacity?: number;
  readonly use_compression?: boolean;
  readonly compression_factor?: number;
  readonly flush_every_ms?: number;
}

/** Seconds that a stop may take, where nothing else is said. */
export const SHUTDOWN_DEADLINE = 10;

export const CONFIGURATION: SettingsOf<Configuration> = {
  address: {
    kind: 'text',
    what: 'host:port',
    default: '"0.0.0.0:14567"',
    description: 'Where to listen for QUIC (UDP).',
  },
  auth: {
    kind: 'section',
    description:
      'PEM files. A relative path is looked for beside the configuration file, then in the working directory. Read again on SIGHUP.',
    settings: {
      cert_file: {
        kind: 'text',
        what: 'a path',
        default: 'a certificate made for development',
        description: 'Certificate of the broker, followed by those that lead to its CA.',
      },
      key_file: { kind: 'text', what: 'a path', description: 'Its private key, not encrypted.' },
      ca_cert_file: {
        kind: 'text',
        what: 'a path',
        default: 'clients are not asked for certificates',
        description: 'CA whose certificates are taken from clients.',
      },
    },
  },
  requireCertificate: {
    kind: 'boolean',
    default: 'false',
    description: 'Whether clients without a certificate are refused.',
  },
  ...BROKER_SETTINGS,
  log: {
    kind: 'section',
    description: 'What is written to standard error.',
    settings: {
      level: {
        kind: 'choice',
        choices: ['debug', 'info', 'warn', 'error', 'silent'],
        default: '"info"',
        description: 'The least that is written. Read again on SIGHUP.',
      },
      format: {
        kind: 'choice',
        choices: ['json', 'pretty'],
        default: '"pretty" on a terminal, otherwise "json"',
        description: 'One JSON object per line, or lines for people.',
      },
    },
  },
  monitoring: {
    kind: 'section',
    default: 'off',
    description:
      'An HTTP port with `/metrics` for Prometheus and `/health`. Whoever reaches it may read it: keep it on addresses of your own.',
    settings: {
      host: { kind: 'text', what: 'a host', default: '"127.0.0.1"', description: 'Address to listen on.' },
      port: { kind: 'number', min: 0, max: 65_535, default: '9567', description: 'TCP port; 0 = any free one.' },
    },
  },
  shutdown: {
    kind: 'section',
    description: 'How the broker stops (SIGTERM, SIGINT).',
    settings: {
      deadline: {
        kind: 'number',
        min: 1,
        max: 3_600,
        unit: 'seconds',
        default: String(SHUTDOWN_DEADLINE),
        description: 'After that the process ends, whatever is left to do.',
      },
      serverReference: {
        kind: 'text',
        what: 'a Server Reference as of MQTT 5',
        default: 'none',
        description: 'Where clients shall go instead: they are told 0x9C (use another server) instead of 0x8B.',
      },
    },
  },
  logs: {
    kind: 'section',
    description: 'Of the first mquictt; has no effect.',
    settings: {
      path: { kind: 'text', what: 'a path', description: 'No effect.' },
      cache_capacity: { kind: 'number', min: 0, max: Infinity, description: 'No effect.' },
      use_compression: { kind: 'boolean', description: 'No effect.' },
      compression_factor: { kind: 'number', min: 0, max: Infinity, description: 'No effect.' },
      flush_every_ms: { kind: 'number', min: 0, max: Infinity, description: 'No effect.' },
    },
  },
};

/** Problems that one error tells of: a file of another program has hundreds. */
const MAX_PROBLEMS = 10;

/**
 * @param path of the JSON file
 * @throws MqttError ERR_MQTT_CONFIG: the file cannot be read, is no JSON, or says something that is not in the table
 */
export async function readConfiguration(path: string): Promise<Configuration> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const isJson = !(error instanceof SyntaxError);
    const what = isJson ? 'Cannot read the configuration file' : 'This configuration file is not JSON:';
    throw configError(`${what} ${path}: ${(error as Error).message}`, error);
  }
  const problems = problemsOf(json, CONFIGURATION);
  if (problems.length === 0) return json as Configuration;
  const more = problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more`] : [];
  throw configError([`In ${path}:`, ...problems.slice(0, MAX_PROBLEMS), ...more].join('\n  '));
}

function configError(message: string, cause?: unknown): MqttError {
  return new MqttError('ERR_MQTT_CONFIG', message, { fault: 'usage', cause });
}
