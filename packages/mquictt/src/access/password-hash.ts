/** Passwords hashed with scrypt (RFC 7914), and what is remembered of those that were right. */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import {
  MAX_PASSWORD_CHECKS,
  MAX_WAITING_PASSWORD_CHECKS,
  MAX_WAITING_PASSWORD_CHECKS_PER_ADDRESS,
} from '../limits.ts';
import { WorkGate } from './work-gate.ts';

export interface ScryptCost {
  /** Binary logarithm of N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** 16 MiB, some 0.2 s: among what OWASP's Password Storage Cheat Sheet gives for scrypt, one with little memory. */
export const DEFAULT_COST: ScryptCost = { ln: 14, r: 8, p: 5 };

/** scrypt runs on threads that the file system needs too, and takes memory: few at once. */
export const passwordGate: WorkGate = new WorkGate(
  MAX_PASSWORD_CHECKS,
  MAX_WAITING_PASSWORD_CHECKS,
  MAX_WAITING_PASSWORD_CHECKS_PER_ADDRESS,
);

const SHAPE = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export class PasswordHash {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly key: Uint8Array;

  constructor(cost: ScryptCost, salt: Uint8Array, key: Uint8Array) {
    this.cost = cost;
    this.salt = salt;
    this.key = key;
  }

  static async of(password: Uint8Array, cost: ScryptCost): Promise<PasswordHash> {
    const salt = randomBytes(16);
    return new PasswordHash(cost, salt, await scryptKey(password, salt, 32, cost));
  }

  /** @returns what is wrong with the text, as in `The hash ${problem}` */
  static parse(text: string): PasswordHash | string {
    const match = SHAPE.exec(text);
    if (match === null) return 'is not of the form $scrypt$ln=14,r=8,p=5$salt$hash';
    const [ln, r, p] = match.slice(1, 4).map(Number) as [number, number, number];
    if (ln < 10 || ln > 20 || r < 1 || r > 32 || p < 1 || p > 16)
      return 'has a cost outside of ln=10..20, r=1..32, p=1..16';
    const [salt, key] = match.slice(4).map((part) => Buffer.from(part, 'base64')) as [Buffer, Buffer];
    if (salt.length < 8 || salt.length > 64 || key.length < 16 || key.length > 64)
      return 'has a salt that is not 8..64 bytes long, or a hash that is not 16..64 bytes long';
    return new PasswordHash({ ln, r, p }, salt, key);
  }

  /** Bytes that checking takes. */
  get memory(): number {
    return memoryOf(this.cost);
  }

  equals(key: Uint8Array): boolean {
    return key.length === this.key.length && timingSafeEqual(key, this.key);
  }

  toString(): string {
    const { ln, r, p } = this.cost;
    return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(this.salt)}$${base64(this.key)}`;
  }
}

/** The scrypt key of a password, computed on another thread. */
export function scryptKey(
  password: Uint8Array,
  salt: Uint8Array,
  length: number,
  cost: ScryptCost,
): Promise<Uint8Array> {
  const options = { N: 2 ** cost.ln, r: cost.r, p: cost.p, maxmem: memoryOf(cost) * 2 };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/**
 * Right passwords of this process, as keyed hashes: thousands of clients that come back at once would otherwise wait for minutes. The key is drawn at random
 * and never leaves the process.
 */
export class PasswordMemory {
  readonly #key = randomBytes(32);
  /** One per name of the file. */
  readonly #known = new Map<string, Uint8Array>();

  knows(name: string, password: Uint8Array): boolean {
    const known = this.#known.get(name);
    return known !== undefined && timingSafeEqual(known, this.#digest(password));
  }

  remember(name: string, password: Uint8Array): void {
    this.#known.set(name, this.#digest(password));
  }

  #digest(password: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#key).update(password).digest();
  }
}

function memoryOf({ ln, r, p }: ScryptCost): number {
  return 128 * r * (2 ** ln + p + 2);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
