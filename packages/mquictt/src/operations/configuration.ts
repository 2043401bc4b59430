/**
 * The configuration file of `mquictt serve`: JSON, with `auth` as every configuration of mquictt has it (see Config) and the options of the broker under their
 * own names, with underscores. Everything may be left out; what is not known is refused.
 */
import { readFile } from 'node:fs/promises';
import { CERTIFICATE_NAME_SOURCES } from '../access/certificate-name.ts';
import type { CertificateNameSource } from '../access/certificate-name.ts';
import { MqttError } from '../errors.ts';
import type { TransportKind } from '../transports/transport.ts';
import { BROKER_SETTINGS } from './broker-settings.ts';
import type { BrokerSettings } from './broker-settings.ts';
import type { LogFormat, LogLevelName } from './log.ts';
import { problemsOf } from './settings.ts';
import type { Settings, SettingsOf } from './settings.ts';

export interface Configuration extends BrokerSettings {
  readonly address?: string;
  readonly listeners?: readonly ListenerSection[];
  readonly auth?: AuthSection;
  readonly requireCertificate?: boolean;
  readonly access?: AccessSection;
  readonly store?: StoreSection;
  readonly log?: LogSection;
  readonly monitoring?: MonitoringSection;
  readonly shutdown?: ShutdownSection;
  readonly logs?: LogsSection;
}

export interface ListenerSection {
  readonly type: TransportKind;
  readonly name?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly maxConnections?: number;
  readonly maxHalfOpenConnections?: number;
}

/** Read by Config, which finds the files. */
interface AuthSection {
  readonly caCertFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Read by Config, see access/access-config.ts. */
interface AccessSection {
  readonly passwordFile?: string;
  readonly anonymous?: boolean;
  readonly certificateName?: CertificateNameSource;
  readonly tokens?: TokensSection;
  readonly rules?: readonly RuleSection[];
}

interface TokensSection {
  readonly keyFile?: string;
  readonly secretFile?: string;
  readonly algorithms?: readonly string[];
  readonly issuer?: readonly string[];
  readonly audience?: readonly string[];
  readonly clockTolerance?: number;
  readonly nameClaim?: string;
  readonly rulesClaim?: string;
}

interface RuleSection {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly topic: readonly string[];
  readonly identity?: readonly string[];
  readonly client?: readonly string[];
}

export interface StoreSection {
  readonly folder?: string;
  readonly durability?: 'os' | 'disk';
  readonly redis?: string;
  readonly prefix?: string;
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
  readonly cacheCapacity?: number;
  readonly useCompression?: boolean;
  readonly compressionFactor?: number;
  readonly flushEveryMs?: number;
}

const UINT32 = 4_294_967_295;

/** Seconds that a stop may take, where nothing else is said. */
export const SHUTDOWN_DEADLINE = 10;

export const CONFIGURATION: SettingsOf<Configuration> = {
  address: {
    kind: 'text',
    what: 'host:port',
    default: '"0.0.0.0:14567"',
    description: 'Where to listen for QUIC (UDP).',
  },
  listeners: {
    kind: 'list',
    required: ['type'],
    default: 'none',
    description: 'Where else to listen.',
    settings: {
      type: { kind: 'choice', choices: ['quic', 'tcp', 'tls', 'ws', 'wss'], description: 'What is spoken there.' },
      name: { kind: 'text', what: 'a name', default: 'its type', description: 'What logs and metrics call it.' },
      host: { kind: 'text', what: 'a host', default: 'that of `address`', description: 'IP address or name.' },
      port: {
        kind: 'number',
        min: 0,
        max: 65_535,
        default: 'by type: 14567, 1883, 8883, 8080, 8083',
        description: '0 = any free one.',
      },
      path: { kind: 'text', what: 'a path', default: '"/mqtt"', description: 'Of the URL, for `ws` and `wss`.' },
      maxConnections: {
        kind: 'number',
        min: 1,
        max: UINT32,
        unit: 'connections',
        default: 'that of the broker',
        description: 'At once; more are refused.',
      },
      maxHalfOpenConnections: {
        kind: 'number',
        min: 1,
        max: UINT32,
        unit: 'connections',
        default: '4096, for `quic` 1024',
        description:
          'Connections whose CONNECT has not been accepted; beyond it the oldest is ended, over QUIC new ones are not answered.',
      },
    },
  },
  auth: {
    kind: 'section',
    description:
      'PEM files. A relative path is looked for beside the configuration file, then in the working directory. Certificate and key are read again on SIGHUP; another CA for clients takes a restart.',
    settings: {
      certFile: {
        kind: 'text',
        what: 'a path',
        default: 'a certificate made for development',
        description: 'Certificate of the broker, followed by those that lead to its CA.',
      },
      keyFile: { kind: 'text', what: 'a path', description: 'Its private key, not encrypted.' },
      caCertFile: {
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
  access: {
    kind: 'section',
    default: 'everybody may do everything',
    description: 'Who may come in, and what they may do. Read again on SIGHUP.',
    settings: {
      passwordFile: {
        kind: 'text',
        what: 'a path',
        description: 'Names and passwords, as `mquictt passwd` writes them.',
      },
      anonymous: {
        kind: 'boolean',
        default: 'true only where nothing else here says who clients are',
        description: 'Whether clients may come in that show nothing.',
      },
      certificateName: {
        kind: 'choice',
        choices: CERTIFICATE_NAME_SOURCES,
        default: 'certificates say nothing about identity',
        description: "Which name of its certificate is a client's identity.",
      },
      tokens: {
        kind: 'section',
        description: 'JSON Web Tokens, which clients give as their passwords.',
        settings: {
          keyFile: { kind: 'text', what: 'a path', description: 'PEM, JWK or JWK Set with the keys of the issuer.' },
          secretFile: { kind: 'text', what: 'a path', description: 'Shared secret, instead of `key_file`.' },
          algorithms: { kind: 'texts', what: 'an algorithm', description: 'Those that are taken, such as `ES256`.' },
          issuer: { kind: 'texts', what: 'a text', description: 'What `iss` has to be.' },
          audience: { kind: 'texts', what: 'a text', description: 'What `aud` has to have.' },
          clockTolerance: {
            kind: 'number',
            min: 0,
            max: 3_600,
            unit: 'seconds',
            description: 'How much clocks may differ.',
          },
          nameClaim: { kind: 'text', what: 'a claim', default: '"sub"', description: "The client's identity." },
          rulesClaim: { kind: 'text', what: 'a claim', description: 'Where a token has rules of its own.' },
        },
      },
      rules: {
        kind: 'list',
        required: ['topic'],
        default: 'everything is allowed',
        description: 'The first rule that fits decides; where there are rules and none fits, the answer is no.',
        settings: {
          allow: {
            kind: 'texts',
            what: 'one of "publish", "retain", "subscribe", "all"',
            description: 'What it allows.',
          },
          deny: { kind: 'texts', what: 'one of the same', description: 'What it denies, instead.' },
          topic: {
            kind: 'texts',
            what: 'a topic filter',
            description: '`%u` is the identity of the client, `%c` its client identifier.',
          },
          identity: {
            kind: 'texts',
            what: 'a name',
            default: 'everybody',
            description: 'Whom it is for; a `*` at the end is anything.',
          },
          client: { kind: 'texts', what: 'a client identifier', default: 'all', description: 'Likewise.' },
        },
      },
    },
  },
  store: {
    kind: 'section',
    default: 'nothing outlives the broker',
    description: 'Where sessions, their messages and retained messages outlive the broker: a folder or Redis.',
    settings: {
      folder: {
        kind: 'text',
        what: 'a path',
        description: 'Data folder (LevelDB); needs the package `classic-level`.',
      },
      durability: {
        kind: 'choice',
        choices: ['disk', 'os'],
        default: '"disk"',
        description:
          'Whether what is acknowledged has reached the disk of the folder, or survives the end of the process but no power cut.',
      },
      redis: {
        kind: 'text',
        what: 'a redis:// URL',
        description: 'Redis instead of a folder; needs the package `@redis/client`.',
      },
      prefix: { kind: 'text', what: 'a text', default: '"mquictt"', description: 'Begins all keys in Redis.' },
    },
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
      cacheCapacity: { kind: 'number', min: 0, max: Infinity, description: 'No effect.' },
      useCompression: { kind: 'boolean', description: 'No effect.' },
      compressionFactor: { kind: 'number', min: 0, max: Infinity, description: 'No effect.' },
      flushEveryMs: { kind: 'number', min: 0, max: Infinity, description: 'No effect.' },
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
  const problems = problemsOf(json, inFile(CONFIGURATION));
  if (problems.length === 0) return fromFile(json) as Configuration;
  const more = problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more`] : [];
  throw configError([`In ${path}:`, ...problems.slice(0, MAX_PROBLEMS), ...more].join('\n  '));
}

/** The same table with keys as files have them: `max_packet_size`. */
export function inFile(settings: Settings): Settings {
  return Object.fromEntries(
    Object.entries(settings).map(([key, setting]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      setting.kind === 'section' || setting.kind === 'list'
        ? { ...setting, settings: inFile(setting.settings) }
        : setting,
    ]),
  );
}

/** A value of a file with keys as programs have them. */
function fromFile(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromFile);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      fromFile(item),
    ]),
  );
}

function configError(message: string, cause?: unknown): MqttError {
  return new MqttError('ERR_MQTT_CONFIG', message, { fault: 'usage', cause });
}
