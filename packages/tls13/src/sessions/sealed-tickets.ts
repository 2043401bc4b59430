/** Tickets that carry their session, sealed (RFC 8446 §4.6.1: "self-encrypted and self-authenticated"; RFC 5077 §4 shows the form). */
import { asciiBytes, latin1Text } from '../ascii.ts';
import { MAX_SERVER_SESSION_SIZE, MAX_TICKETS_PER_KEY, MAX_TICKET_KEYS, MAX_TICKET_LIFETIME } from '../limits.ts';
import type { Aead, CryptoProvider } from '../provider.ts';
import type { Random } from '../random.ts';
import { decodeServerSession, encodeServerSession } from './server-session-codec.ts';
import type { ServerSession, SessionTickets } from './server-session.ts';
import { isCurrent } from './session-fields.ts';

export interface SealedTicketsOptions {
  readonly provider: CryptoProvider;
  readonly random: Random;
  /** Seconds for which a key issues tickets, 3,600 to 604,800. @default 43,200, twelve hours */
  readonly keyLifetime?: number;
  /** Tickets that a key issues at most, 1 to 2^28: less where more than sixteen servers share it. @default 2^28 */
  readonly maxTicketsPerKey?: number;
  /**
   * Keys of 32 random bytes that several servers share; see `setKeys`. Key lifetimes are then their owner's business.
   * @default keys are drawn and replaced by this object, and known to nobody else
   */
  readonly keys?: readonly Uint8Array[];
}

interface TicketKey {
  readonly name: Uint8Array;
  readonly aead: Aead;
  /** Wall clock, ms. */
  readonly issuesSince: number;
  issuedCount: number;
  /** When another took its place; nothing before. Wall clock, ms. */
  stoppedAt: number;
}

const KEY_LENGTH = 32;
const NAME_LENGTH = 8;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const OVERHEAD: number = NAME_LENGTH + NONCE_LENGTH + TAG_LENGTH;
const DEFAULT_KEY_LIFETIME = 43_200;
/** Authenticated with every ticket, before the key's name: a ticket of another form never opens. */
const FORM = asciiBytes('mquictt ticket 1');

/**
 * Seals sessions with AES-256-GCM, so that the server keeps nothing but a few keys. A ticket is: key name (8 bytes), random nonce (12), sealed session.
 * It is good for as often as it comes: against replays of early data, give `Resumption.earlyData` a guard.
 *
 * Who has a key can read and forge the tickets that it sealed, and the early data that came with them; connections that were resumed stay secret, as
 * they have a key exchange of their own (RFC 8446 §2.2). So a key issues for twelve hours, opens for seven days more, and is then forgotten.
 */
export class SealedTickets implements SessionTickets {
  readonly #provider: CryptoProvider;
  readonly #random: Random;
  /** ms */
  readonly #keyLifetime: number;
  readonly #maxTicketsPerKey: number;
  #isShared = false;
  /** By name, oldest first where they are our own. */
  #keys: Map<string, TicketKey> = new Map();
  /** Undefined until the first ticket. */
  #issuing: TicketKey | undefined;

  /** @throws RangeError where keyLifetime, maxTicketsPerKey or a key is out of bounds */
  constructor(options: SealedTicketsOptions) {
    const { provider, random, keyLifetime = DEFAULT_KEY_LIFETIME, maxTicketsPerKey = MAX_TICKETS_PER_KEY } = options;
    if (!(keyLifetime >= 3600 && keyLifetime <= MAX_TICKET_LIFETIME))
      throw new RangeError(`"keyLifetime" expected 3600 to ${MAX_TICKET_LIFETIME} seconds, got ${keyLifetime}`);
    if (!(maxTicketsPerKey >= 1 && maxTicketsPerKey <= MAX_TICKETS_PER_KEY))
      throw new RangeError(`"maxTicketsPerKey" expected 1 to ${MAX_TICKETS_PER_KEY}, got ${maxTicketsPerKey}`);
    this.#provider = provider;
    this.#random = random;
    this.#keyLifetime = keyLifetime * 1000;
    this.#maxTicketsPerKey = maxTicketsPerKey;
    if (options.keys !== undefined) this.setKeys(options.keys);
  }

  /** How many keys open tickets. */
  get keyCount(): number {
    return this.#keys.size;
  }

  /**
   * Takes keys that several servers share, in place of all that were there: the first one issues, the others only open. From now on no key is drawn
   * here. To change keys without a gap, give every server the new one as the second, then as the first, and take the old one out seven days later.
   * Where the first has issued `maxTicketsPerKey`, there are no tickets until the next comes.
   *
   * @param keys 1 to 256, each of 32 bytes that are random and used for nothing else
   * @throws RangeError where there are none or too many, or one has another length
   */
  setKeys(keys: readonly Uint8Array[]): void {
    if (keys.length < 1 || keys.length > MAX_TICKET_KEYS)
      throw new RangeError(`"keys" expected 1 to ${MAX_TICKET_KEYS} keys, got ${keys.length}`);
    for (const [index, { length }] of keys.entries())
      if (length !== KEY_LENGTH) throw new RangeError(`"keys[${index}]" expected ${KEY_LENGTH} bytes, got ${length}`);
    const known = this.#keys;
    this.#keys = new Map();
    for (const key of keys) {
      const made = this.#makeKey(key, 0);
      // One that was there before goes on counting.
      this.#keys.set(latin1Text(made.name), known.get(latin1Text(made.name)) ?? made);
    }
    [this.#issuing] = this.#keys.values();
    this.#isShared = true;
  }

  issue(session: ServerSession, unixTime: number): Uint8Array | undefined {
    const plaintext = encodeServerSession(session);
    const key = this.#issuingKey(unixTime);
    if (plaintext === undefined || key === undefined) return undefined;
    key.issuedCount++;
    const nonce = new Uint8Array(NONCE_LENGTH);
    this.#random.fillPublic(nonce);
    const sealed = key.aead.seal(nonce, additionalData(key.name), plaintext);
    const ticket = new Uint8Array(NAME_LENGTH + NONCE_LENGTH + sealed.length);
    ticket.set(key.name);
    ticket.set(nonce, NAME_LENGTH);
    ticket.set(sealed, NAME_LENGTH + NONCE_LENGTH);
    return ticket;
  }

  redeem(ticket: Uint8Array, unixTime: number): ServerSession | undefined {
    this.#forgetOldKeys(unixTime);
    if (ticket.length < OVERHEAD || ticket.length > OVERHEAD + MAX_SERVER_SESSION_SIZE) return undefined;
    const name = ticket.subarray(0, NAME_LENGTH);
    const key = this.#keys.get(latin1Text(name));
    if (key === undefined) return undefined;
    const nonce = ticket.subarray(NAME_LENGTH, NAME_LENGTH + NONCE_LENGTH);
    const plaintext = key.aead.open(nonce, additionalData(name), ticket.subarray(NAME_LENGTH + NONCE_LENGTH));
    const session = plaintext === undefined ? undefined : decodeServerSession(plaintext);
    return session !== undefined && isCurrent(session.expiresAt, unixTime) ? session : undefined;
  }

  #issuingKey(unixTime: number): TicketKey | undefined {
    const key = this.#issuing;
    const isUsedUp = key !== undefined && key.issuedCount >= this.#maxTicketsPerKey;
    if (this.#isShared) return isUsedUp ? undefined : key;
    this.#forgetOldKeys(unixTime);
    // Either way: a key that was drawn while the clock was far ahead must not issue until then.
    if (key !== undefined && !isUsedUp && Math.abs(unixTime - key.issuesSince) < this.#keyLifetime) return key;
    if (key !== undefined) key.stoppedAt = unixTime;
    const secret = new Uint8Array(KEY_LENGTH);
    this.#random.fillPrivate(secret);
    const next = this.#makeKey(secret, unixTime);
    secret.fill(0);
    this.#keys.set(latin1Text(next.name), next);
    this.#issuing = next;
    if (this.#keys.size > MAX_TICKET_KEYS) this.#forgetOldest();
    return next;
  }

  /** Looks at the oldest only, at each call; shared keys go when their owner says so. */
  #forgetOldKeys(unixTime: number): void {
    if (this.#isShared) return;
    const [oldest] = this.#keys.values();
    if (oldest === undefined || oldest === this.#issuing) return;
    if (Math.abs(unixTime - oldest.stoppedAt) >= MAX_TICKET_LIFETIME * 1000) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const [name] = this.#keys.keys();
    if (name !== undefined) this.#keys.delete(name);
  }

  /** Servers that share a key derive the same name from it, and the name tells nothing about the key that seals. */
  #makeKey(secret: Uint8Array, unixTime: number): TicketKey {
    const expand = (purpose: string, length: number): Uint8Array =>
      this.#provider.hkdfExpand('sha256', secret, asciiBytes(`mquictt ticket ${purpose}`), length);
    return {
      name: expand('name', NAME_LENGTH),
      aead: this.#provider.aead('aes-256-gcm', expand('key', KEY_LENGTH)),
      issuesSince: unixTime,
      issuedCount: 0,
      stoppedAt: unixTime,
    };
  }
}

function additionalData(name: Uint8Array): Uint8Array {
  const data = new Uint8Array(FORM.length + name.length);
  data.set(FORM);
  data.set(name, FORM.length);
  return data;
}
