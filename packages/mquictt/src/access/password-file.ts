/**
 * Names and hashed passwords, one per line: `name:$scrypt$ln=14,r=8,p=5$salt$hash`, where N is 2^ln and salt and hash are base64 without padding. Empty lines
 * and lines that begin with `#` are left out.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { MqttError } from '../errors.ts';
import { MAX_IDENTITY_LENGTH, MAX_SCRYPT_MEMORY } from '../limits.ts';
import { DEFAULT_COST, PasswordHash, PasswordMemory, passwordGate, scryptKey } from './password-hash.ts';
import type { ScryptCost } from './password-hash.ts';
import type { WorkGate } from './work-gate.ts';

/** 'busy': too many are being checked already. */
export type PasswordVerdict = 'right' | 'wrong' | 'busy';

export class PasswordFile {
  readonly #hashes: ReadonlyMap<string, PasswordHash>;
  /** The costs of the file, of which names that are not there get one each, so that they take as long as others. */
  readonly #costs: readonly ScryptCost[];
  /** Says which: the same as long as the file is, and nobody outside can tell. */
  readonly #costKey: Uint8Array;
  readonly #gate: WorkGate;
  readonly #memory: PasswordMemory = new PasswordMemory();

  private constructor(hashes: ReadonlyMap<string, PasswordHash>, gate: WorkGate) {
    this.#hashes = hashes;
    this.#gate = gate;
    const [first] = hashes.values();
    this.#costs = first === undefined ? [DEFAULT_COST] : Array.from(hashes.values(), ({ cost }) => cost);
    this.#costKey = first?.key ?? randomBytes(32);
  }

  /** @throws MqttError ERR_MQTT_ACCESS, with the number of the line that is wrong */
  static async read(path: string): Promise<PasswordFile> {
    return PasswordFile.parse(await readText(path), path);
  }

  /**
   * @param source what to call the text in errors
   * @param gate bounds how many are checked at once. @default one for the process
   * @throws MqttError ERR_MQTT_ACCESS
   */
  static parse(text: string, source = 'the password file', gate: WorkGate = passwordGate): PasswordFile {
    return new PasswordFile(parseHashes(text, source), gate);
  }

  get size(): number {
    return this.#hashes.size;
  }

  has(name: string): boolean {
    return this.#hashes.has(name);
  }

  /**
   * Takes a tenth of a second of a core, and as long for a name that is not there. A password that was right before is recognised at once.
   *
   * @param isWanted asked before the work begins: whoever is gone is not worked for
   * @param network where it comes from: only some may wait from one. @default nowhere in particular
   */
  async verify(
    name: string,
    password: Uint8Array,
    isWanted: () => boolean = () => true,
    network = '',
  ): Promise<PasswordVerdict> {
    const hash = this.#hashes.get(name);
    if (hash !== undefined && this.#memory.knows(name, password)) return 'right';
    const { cost, salt, key } = hash ?? this.#nobody(name);
    const computed = await this.#gate.run(() => scryptKey(password, salt, key.length, cost), isWanted, network);
    if (computed === undefined) return 'busy';
    if (hash === undefined || !hash.equals(computed)) return 'wrong';
    this.#memory.remember(name, password);
    return 'right';
  }

  /** What is computed for a name that is not there. */
  #nobody(name: string): PasswordHash {
    const place = createHmac('sha256', this.#costKey).update(name).digest().readUInt32BE(0) % this.#costs.length;
    return new PasswordHash(this.#costs[place], new Uint8Array(16), new Uint8Array(32));
  }
}

/** The text of a file with the password of a name set, or its line taken out. Other lines stay as they are. */
export async function withPassword(
  text: string,
  name: string,
  password: Uint8Array | undefined,
  cost: ScryptCost = DEFAULT_COST,
): Promise<string> {
  const problem = nameProblem(name);
  if (problem !== undefined) throw accessError(`The name ${problem}`);
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const at = lines.findIndex((line) => line.startsWith(`${name}:`));
  if (password === undefined) {
    if (at === -1) throw accessError(`There is no ${JSON.stringify(name)} in the password file`);
    lines.splice(at, 1);
  } else {
    const line = `${name}:${(await PasswordHash.of(password, cost)).toString()}`;
    if (at === -1) lines.push(line);
    else lines[at] = line;
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Why a text cannot be a name, as in `The name ${problem}`. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > MAX_IDENTITY_LENGTH) return `is longer than ${MAX_IDENTITY_LENGTH} characters`;
  if (/[:\p{Cc}]/u.test(name) || name !== name.trim()) return 'has a colon, a control character or a blank at an end';
  if (name.startsWith('#')) return 'begins with #, which makes a line a comment';
  return undefined;
}

function parseHashes(text: string, source: string): Map<string, PasswordHash> {
  const hashes = new Map<string, PasswordHash>();
  text.split('\n').forEach((raw, index) => {
    const line = raw.replace(/\r$/, '');
    if (line.trim() === '' || line.startsWith('#')) return;
    const wrong = (what: string): never => {
      throw accessError(`${source}, line ${index + 1}: ${what}`);
    };
    const colon = line.indexOf(':');
    if (colon === -1) wrong('expected name:$scrypt$..., as `mquictt passwd` writes it');
    const name = line.slice(0, colon);
    const problem = nameProblem(name);
    if (problem !== undefined) wrong(`the name ${problem}`);
    if (hashes.has(name)) wrong(`${JSON.stringify(name)} is there twice`);
    const hash = PasswordHash.parse(line.slice(colon + 1));
    // What stands there may be a password in the clear, which is not repeated.
    if (typeof hash === 'string') return wrong(`the hash of ${JSON.stringify(name)} ${hash}`);
    if (hash.memory > MAX_SCRYPT_MEMORY)
      wrong(`the hash of ${JSON.stringify(name)} takes more than ${MAX_SCRYPT_MEMORY / 1_048_576} MiB to check`);
    hashes.set(name, hash);
    return undefined;
  });
  return hashes;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw accessError(`Cannot read the password file ${path}: ${(error as Error).message}`, error);
  }
}

function accessError(message: string, cause?: unknown): MqttError {
  return new MqttError('ERR_MQTT_ACCESS', message, { fault: 'usage', cause });
}
