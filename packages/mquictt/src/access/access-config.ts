/**
 * The parts of a configuration file that say who may come in and what they may do:
 *
 *     "access": {
 *       "password_file": "passwords", "anonymous": false, "certificate_name": "common-name",
 *       "tokens": { "key_file": "issuer.pem", "algorithms": ["ES256"], "issuer": "https://id.example.org", "audience": "mqtt" },
 *       "rules": [{ "allow": "all", "topic": "devices/%u/#" }]
 *     },
 *     "limits": { "max_message_rate": 100, "max_connections_per_address": 50 }
 *
 * Fields that are not known are mistakes here: a rule that nobody reads protects nothing. Files are looked for beside the configuration file.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MqttError } from '../errors.ts';
import { AccessRules } from './access-rules.ts';
import type { AccessRule } from './access-rules.ts';
import type { AccessOptions } from './access-control.ts';
import { CERTIFICATE_NAME_SOURCES } from './certificate-name.ts';
import type { CertificateNameSource } from './certificate-name.ts';
import { CLIENT_LIMIT_NAMES, clientLimitsProblem } from './client-limits.ts';
import type { ClientLimitOptions } from './client-limits.ts';
import { PasswordFile } from './password-file.ts';
import { TokenVerifier } from './token-verifier.ts';

/** @throws MqttError ERR_MQTT_CONFIG, ERR_MQTT_ACCESS */
export async function readAccess(value: unknown, configFile: string): Promise<AccessOptions | undefined> {
  if (value === undefined || value === null) return undefined;
  const section = new Section(value, 'access', configFile);
  const passwordFile = section.text('password_file');
  const tokens = section.take('tokens');
  const anonymous = section.flag('anonymous');
  const certificateName = section.text('certificate_name') as CertificateNameSource | undefined;
  const rules = section.take('rules') as readonly AccessRule[] | undefined;
  section.end();
  if (certificateName !== undefined && !CERTIFICATE_NAME_SOURCES.includes(certificateName))
    throw section.error(`"access.certificate_name" expected ${CERTIFICATE_NAME_SOURCES.join(', ')}`);
  // Now, where it can be said which file they are in.
  if (rules !== undefined) within(configFile, () => new AccessRules(rules));
  return {
    ...(passwordFile === undefined ? {} : { passwords: await PasswordFile.read(beside(configFile, passwordFile)) }),
    ...(tokens === undefined ? {} : { tokens: await readTokens(tokens, configFile) }),
    ...(certificateName === undefined ? {} : { certificateName }),
    ...(anonymous === undefined ? {} : { anonymous }),
    ...(rules === undefined ? {} : { rules }),
  };
}

/** @throws MqttError ERR_MQTT_CONFIG */
export function readLimits(value: unknown, configFile: string): ClientLimitOptions | undefined {
  if (value === undefined || value === null) return undefined;
  const section = new Section(value, 'limits', configFile);
  const limits: Record<string, unknown> = {};
  for (const name of CLIENT_LIMIT_NAMES) {
    const written = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const limit = section.take(written);
    if (limit === undefined) continue;
    const problem = clientLimitsProblem({ [name]: limit });
    if (problem !== undefined) throw section.error(`"limits.${written}"${problem.slice(name.length)}`);
    limits[name] = limit;
  }
  section.end();
  return limits;
}

async function readTokens(value: unknown, configFile: string): Promise<TokenVerifier> {
  const section = new Section(value, 'access.tokens', configFile);
  const keyFile = section.text('key_file');
  const secretFile = section.text('secret_file');
  const algorithms = section.texts('algorithms');
  const issuer = section.texts('issuer');
  const audience = section.texts('audience');
  const clockTolerance = section.take('clock_tolerance') as number | undefined;
  const nameClaim = section.text('name_claim');
  const rulesClaim = section.text('rules_claim');
  section.end();
  if ((keyFile === undefined) === (secretFile === undefined))
    throw section.error('"access.tokens" needs "key_file" or "secret_file", and not both');
  const bytes = await readKey(beside(configFile, (keyFile ?? secretFile) as string));
  return TokenVerifier.create({
    key: keyFile === undefined ? bytes : bytes.toString('utf8'),
    algorithms: algorithms ?? [],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
    ...(clockTolerance === undefined ? {} : { clockTolerance }),
    ...(nameClaim === undefined ? {} : { nameClaim }),
    ...(rulesClaim === undefined ? {} : { rulesClaim }),
  });
}

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new MqttError('ERR_MQTT_ACCESS', `Cannot read the key for tokens: ${(error as Error).message}`, {
      fault: 'usage',
      cause: error,
    });
  }
}

function beside(configFile: string, path: string): string {
  return resolve(dirname(configFile), path);
}

function within<T>(configFile: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof MqttError)) throw error;
    throw new MqttError(error.code, `${configFile}: ${error.message}`, { fault: 'usage', cause: error });
  }
}

/** An object of the file, whose fields are taken one by one. */
class Section {
  readonly #name: string;
  readonly #file: string;
  readonly #fields: Record<string, unknown>;
  readonly #known: string[] = [];

  constructor(value: unknown, name: string, file: string) {
    this.#name = name;
    this.#file = file;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.error(`"${name}" expected an object`);
    this.#fields = value as Record<string, unknown>;
  }

  take(name: string): unknown {
    this.#known.push(name);
    return this.#fields[name] ?? undefined;
  }

  text(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || (typeof value === 'string' && value !== '')) return value;
    throw this.error(`"${this.#name}.${name}" expected a text`);
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > 0 && list.every((one) => typeof one === 'string' && one !== '')) return list as string[];
    throw this.error(`"${this.#name}.${name}" expected a text or a list of texts`);
  }

  flag(name: string): boolean | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.error(`"${this.#name}.${name}" expected true or false`);
  }

  /** All fields that there are have been taken. */
  end(): void {
    for (const name of Object.keys(this.#fields))
      if (!this.#known.includes(name))
        throw this.error(`"${this.#name}" has "${name}", which is none of ${this.#known.join(', ')}`);
  }

  error(message: string): MqttError {
    return new MqttError('ERR_MQTT_CONFIG', `${this.#file}: ${message}`, { fault: 'usage' });
  }
}
