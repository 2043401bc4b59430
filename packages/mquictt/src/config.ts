/**
 * Configuration files: JSON with the fields of the first mquictt.
 *
 *     { "auth": { "ca_cert_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem" },
 *       "logs": { "path": "default.mquictt" } }
 *
 * Every field may be left out, fields that are not known are ignored (but those under "access" and "limits", see access/access-config.ts). Files are PEM. A relative path is looked for beside the configuration file, then in
 * the working directory.
 */
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Credential } from '@mquictt/quic-node';
import { RootStore, SessionCache, createCredential, nodeProvider, nodeRuntime } from '@mquictt/quic-node';
import { readAccess, readLimits } from './access/access-config.ts';
import type { AccessOptions } from './access/access-control.ts';
import type { ClientLimitOptions } from './access/client-limits.ts';
import { MqttError } from './errors.ts';

/** PEM texts; what is left out is not configured. */
export interface PemFiles {
  /** One certificate or more: whom a client trusts, and whose certificates a broker takes from clients. */
  readonly caPem?: string;
  /** Our own certificate, followed by those that lead to the CA. */
  readonly certificatePem?: string;
  /** Its private key: PKCS#8, SEC 1 or PKCS#1, not encrypted. */
  readonly keyPem?: string;
}

/** `logs` of a configuration file. This version keeps nothing on disk: the fields are checked and have no effect. */
export interface LogConfig {
  readonly path: string;
  readonly cacheCapacity: number;
  readonly useCompression: boolean;
  readonly compressionFactor: number;
  readonly flushEveryMs: number;
}

/** PEM texts of a certificate, followed by those that lead to its CA, and of its private key. */
export interface CertificatePem {
  readonly certificatePem: string;
  readonly keyPem: string;
}

interface OwnCertificate {
  readonly credential: Credential;
  readonly certificate: CertificatePem;
}

export class Config {
  /**
   * Whom a client trusts; undefined = the roots that Node.js brings along. A broker takes the certificates of clients that lead here; undefined = it asks
   * for none.
   */
  readonly roots: RootStore | undefined;
  /** Certificate chain and key. A broker shows it, and a client shows it to brokers that ask. */
  readonly credential: Credential | undefined;
  /** @internal The same as PEM texts, for node:tls. */
  readonly certificate: CertificatePem | undefined;
  /** Undefined where the file has none. */
  readonly logs: LogConfig | undefined;
  /** Who may come in to a broker, and what they may do there. @default everybody, everything */
  access: AccessOptions | undefined = undefined;
  /** What one client, one identity and one address may take of a broker. */
  limits: ClientLimitOptions | undefined = undefined;
  /** @internal What clients with this configuration resume their connections with: they trust the same, and show the same certificate. */
  readonly sessions: SessionCache = new SessionCache();

  private constructor(roots: RootStore | undefined, own: OwnCertificate | undefined, logs: LogConfig | undefined) {
    this.roots = roots;
    this.credential = own?.credential;
    this.certificate = own?.certificate;
    this.logs = logs;
  }

  /** No certificates: a client trusts the roots of Node.js, a broker cannot be started with it. */
  static empty(): Config {
    return new Config(undefined, undefined, undefined);
  }

  /**
   * From texts instead of files.
   *
   * @throws MqttError ERR_MQTT_CERTIFICATE
   */
  static fromPem(files: PemFiles): Config {
    return build(files, { caPem: 'caPem', certificatePem: 'certificatePem', keyPem: 'keyPem' }, undefined);
  }

  /**
   * @param path of the JSON file
   * @throws MqttError ERR_MQTT_CONFIG for a file that is missing, no JSON, or has fields of the wrong type; ERR_MQTT_CERTIFICATE for a certificate or
   *   key file that is missing or cannot be used
   */
  static async read(path: string): Promise<Config> {
    const file = resolve(path);
    let text;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      throw configError(`Cannot read the configuration file ${file}: ${reasonOf(error)}`, error);
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      throw configError(`The configuration file ${file} is not JSON: ${(error as Error).message}`, error);
    }
    const root = objectAt(json, file, 'the file') ?? {};
    const auth = objectAt(root.auth, file, '"auth"') ?? {};
    const names = {
      caPem: stringAt(auth, 'ca_cert_file', file, 'auth'),
      certificatePem: stringAt(auth, 'cert_file', file, 'auth'),
      keyPem: stringAt(auth, 'key_file', file, 'auth'),
    };
    const logs = readLogs(objectAt(root.logs, file, '"logs"'), file);
    const [caPem, certificatePem, keyPem] = await Promise.all([
      readPem(names.caPem, 'ca_cert_file', file),
      readPem(names.certificatePem, 'cert_file', file),
      readPem(names.keyPem, 'key_file', file),
    ]);
    const paths = { caPem: caPem?.path, certificatePem: certificatePem?.path, keyPem: keyPem?.path };
    const config = build(
      { caPem: caPem?.text, certificatePem: certificatePem?.text, keyPem: keyPem?.text },
      { caPem: paths.caPem ?? '', certificatePem: paths.certificatePem ?? '', keyPem: paths.keyPem ?? '' },
      logs,
    );
    config.access = await readAccess(root.access, file);
    config.limits = readLimits(root.limits, file);
    return config;
  }

  /** @internal */
  static make(roots: RootStore | undefined, own: OwnCertificate | undefined, logs: LogConfig | undefined): Config {
    return new Config(roots, own, logs);
  }
}

type Texts = { readonly [Name in keyof PemFiles]: string | undefined };
type Names = { readonly [Name in keyof PemFiles]-?: string };

/** @param names what to call the texts in errors */
function build(texts: Texts, names: Names, logs: LogConfig | undefined): Config {
  const { caPem, certificatePem, keyPem } = texts;
  let roots;
  if (caPem !== undefined) {
    try {
      roots = RootStore.fromPem(caPem);
    } catch (error) {
      throw certificateError(
        `The CA certificates of ${names.caPem} cannot be used: ${(error as Error).message}`,
        error,
      );
    }
  }
  if (certificatePem === undefined && keyPem === undefined) return Config.make(roots, undefined, logs);
  if (certificatePem === undefined || keyPem === undefined)
    throw certificateError(
      certificatePem === undefined
        ? 'There is a private key without its certificate: set cert_file as well'
        : 'There is a certificate without its private key: set key_file as well',
      undefined,
    );
  try {
    const credential = createCredential({
      provider: nodeProvider,
      random: nodeRuntime.random,
      certificatePem,
      keyPem,
    });
    return Config.make(roots, { credential, certificate: { certificatePem, keyPem } }, logs);
  } catch (error) {
    const where = `${names.certificatePem} and ${names.keyPem}`;
    throw certificateError(`Certificate and key of ${where} cannot be used: ${(error as Error).message}`, error);
  }
}

async function readPem(
  name: string | undefined,
  field: string,
  configFile: string,
): Promise<{ path: string; text: string } | undefined> {
  if (name === undefined) return undefined;
  const candidates = isAbsolute(name) ? [name] : [...new Set([resolve(dirname(configFile), name), resolve(name)])];
  let failure: unknown;
  for (const path of candidates) {
    try {
      return { path, text: await readFile(path, 'utf8') };
    } catch (error) {
      failure ??= error;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') break;
    }
  }
  const where = candidates.join(' nor ');
  throw certificateError(`Cannot read "${field}" of ${configFile}: neither ${where} (${reasonOf(failure)})`, failure);
}

function readLogs(logs: Record<string, unknown> | undefined, file: string): LogConfig | undefined {
  if (logs === undefined) return undefined;
  return {
    path: stringAt(logs, 'path', file, 'logs') ?? 'default.mquictt',
    cacheCapacity: numberAt(logs, 'cache_capacity', file) ?? 1_073_741_824,
    useCompression: booleanAt(logs, 'use_compression', file) ?? false,
    compressionFactor: numberAt(logs, 'compression_factor', file) ?? 5,
    flushEveryMs: numberAt(logs, 'flush_every_ms', file) ?? 500,
  };
}

/** @returns undefined for null and undefined */
function objectAt(value: unknown, file: string, what: string): Record<string, unknown> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw configError(`${file}: ${what} expected an object, got ${typeOf(value)}`);
}

function stringAt(object: Record<string, unknown>, name: string, file: string, parent: string): string | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  const got = value === '' ? 'an empty string' : typeOf(value);
  throw configError(`${file}: "${parent}.${name}" expected a string, got ${got}`);
}

function numberAt(object: Record<string, unknown>, name: string, file: string): number | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw configError(`${file}: "logs.${name}" expected a whole number, got ${typeOf(value)}`);
}

function booleanAt(object: Record<string, unknown>, name: string, file: string): boolean | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  throw configError(`${file}: "logs.${name}" expected true or false, got ${typeOf(value)}`);
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : typeof value;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'it may not be read by this user';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return message;
  }
}

function configError(message: string, cause?: unknown): MqttError {
  return new MqttError('ERR_MQTT_CONFIG', message, { fault: 'usage', cause });
}

function certificateError(message: string, cause: unknown): MqttError {
  return new MqttError('ERR_MQTT_CERTIFICATE', message, { fault: 'usage', cause });
}
