/**
 * JSON Web Tokens (RFC 7519) as passwords, by way of jose. Signature, issuer, audience, `exp` and `nbf` are checked, and no algorithm is taken but those that
 * are named: a token cannot choose how it is verified.
 */
import type { CryptoKey, JSONWebKeySet, JWK, JWTPayload, JWTVerifyOptions } from 'jose';
import type { AuthenticationResult } from '../core/permissions.ts';
import { MqttError } from '../errors.ts';
import { MAX_IDENTITY_LENGTH, MAX_TOKEN_FILTERS, MAX_TOKEN_SIZE } from '../limits.ts';
import type { LogFunction } from '../core/broker-stats.ts';
import { ReasonCode } from '../reason-codes.ts';
import { loadPackage } from '../stores/store.ts';
import { AccessRules } from './access-rules.ts';
import type { AccessRule } from './access-rules.ts';

export interface TokenOptions {
  /** A public key or certificate as PEM, a JWK or JWK set (RFC 7517) as JSON text, or for the algorithms HS* a secret of 32 bytes at least. */
  readonly key: string | Uint8Array;
  /** Those that are taken, e.g. `['ES256']` (RFC 7518 §3.1). */
  readonly algorithms: readonly string[];
  /** Of which `iss` must be one. @default any */
  readonly issuer?: string | readonly string[];
  /** Of which `aud` must name one. @default any */
  readonly audience?: string | readonly string[];
  /** Seconds by which clocks may differ. @default 30 */
  readonly clockTolerance?: number;
  /** The claim that is the identity. @default 'sub' */
  readonly nameClaim?: string;
  /** A claim with access rules, which count in place of the broker's. @default none is looked at */
  readonly rulesClaim?: string;
}

type Jose = typeof import('jose');
type VerifyKey = CryptoKey | Uint8Array | ReturnType<Jose['createLocalJWKSet']>;

const SECRET_ALGORITHMS: readonly string[] = ['HS256', 'HS384', 'HS512'];
const ALGORITHMS: readonly string[] =
  'HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
/** RFC 7518 §3.2: as long as the hash. */
const MIN_SECRET_SIZE = 32;

export class TokenVerifier {
  readonly #jose: Jose;
  readonly #key: VerifyKey;
  readonly #options: JWTVerifyOptions;
  readonly #clockTolerance: number;
  readonly #nameClaim: string;
  readonly #rulesClaim: string | undefined;

  private constructor(jose: Jose, key: VerifyKey, options: TokenOptions) {
    const { issuer, audience } = options;
    this.#jose = jose;
    this.#key = key;
    this.#clockTolerance = options.clockTolerance ?? 30;
    this.#nameClaim = options.nameClaim ?? 'sub';
    this.#rulesClaim = options.rulesClaim;
    this.#options = {
      algorithms: [...options.algorithms],
      clockTolerance: this.#clockTolerance,
      // A token that never ends could not be taken back.
      requiredClaims: ['exp'],
      ...(issuer === undefined ? {} : { issuer: typeof issuer === 'string' ? issuer : [...issuer] }),
      ...(audience === undefined ? {} : { audience: typeof audience === 'string' ? audience : [...audience] }),
    };
  }

  /** @throws MqttError ERR_MQTT_ACCESS; ERR_MQTT_STORE_PACKAGE when jose is not installed */
  static async create(options: TokenOptions): Promise<TokenVerifier> {
    checkOptions(options);
    const jose = await loadPackage('jose', 'Verifying tokens', () => import('jose'));
    let key;
    try {
      key = await importKey(jose, options);
    } catch (error) {
      if (error instanceof MqttError) throw error;
      throw accessError(`The key for tokens cannot be used: ${(error as Error).message}`, error);
    }
    return new TokenVerifier(jose, key, options);
  }

  /** Whether a password looks like a token at all. */
  static isToken(password: Uint8Array): boolean {
    if (password.length > MAX_TOKEN_SIZE) return false;
    return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(Buffer.from(password).toString('latin1'));
  }

  /** @param unixTime ms */
  async verify(password: Uint8Array, unixTime: number, log: LogFunction = () => {}): Promise<AuthenticationResult> {
    if (password.length > MAX_TOKEN_SIZE) return ReasonCode.BAD_USER_NAME_OR_PASSWORD;
    const token = Buffer.from(password).toString('latin1');
    let payload: JWTPayload;
    try {
      const options = { ...this.#options, currentDate: new Date(unixTime) };
      // Two overloads of one function.
      const result =
        typeof this.#key === 'function'
          ? await this.#jose.jwtVerify(token, this.#key, options)
          : await this.#jose.jwtVerify(token, this.#key, options);
      payload = result.payload;
    } catch (error) {
      log('debug', 'A token was refused', { error: (error as Error).message });
      return ReasonCode.BAD_USER_NAME_OR_PASSWORD;
    }
    const name = payload[this.#nameClaim];
    if (typeof name !== 'string' || name === '' || name.length > MAX_IDENTITY_LENGTH || /\p{Cc}/u.test(name)) {
      log('warn', `A token has no usable name in its claim "${this.#nameClaim}"`, {});
      return ReasonCode.NOT_AUTHORIZED;
    }
    const validFor = ((payload.exp as number) + this.#clockTolerance) * 1000 - unixTime;
    if (this.#rulesClaim === undefined) return { name, validFor };
    try {
      // Without the claim nothing is allowed: whoever looks for rules in tokens does not want a token without to be worth more.
      const claimed = (payload[this.#rulesClaim] ?? []) as readonly AccessRule[];
      const rules = new AccessRules(claimed, MAX_TOKEN_FILTERS);
      return { name, validFor, permissions: (principal) => rules.permissionsOf(principal) };
    } catch (error) {
      log('warn', 'A token has access rules that cannot be used', { name, error: (error as Error).message });
      return ReasonCode.NOT_AUTHORIZED;
    }
  }
}

function checkOptions(options: TokenOptions): void {
  const { algorithms, clockTolerance = 0 } = options;
  if (!Array.isArray(algorithms) || algorithms.length === 0)
    throw accessError(`Tokens need a list of algorithms that are taken, such as ["ES256"]`);
  for (const algorithm of algorithms as readonly unknown[])
    if (!ALGORITHMS.includes(algorithm as string))
      throw accessError(`The algorithm ${JSON.stringify(algorithm)} is none of ${ALGORITHMS.join(', ')}`);
  if (typeof clockTolerance !== 'number' || !(clockTolerance >= 0 && clockTolerance <= 3_600))
    throw accessError(`clockTolerance expected 0..3600 seconds, got ${String(clockTolerance)}`);
  const secrets = algorithms.filter((algorithm) => SECRET_ALGORITHMS.includes(algorithm)).length;
  // With both, whoever knows the public key could sign with it as if it were a secret.
  if (secrets > 0 && (secrets < algorithms.length || typeof options.key === 'string'))
    throw accessError('The algorithms HS* go with a secret, and all others with a public key: not both together');
  if (secrets === 0 && typeof options.key !== 'string')
    throw accessError(`A secret is for the algorithms ${SECRET_ALGORITHMS.join(', ')}; others need a public key`);
  if (typeof options.key !== 'string' && options.key.length < MIN_SECRET_SIZE)
    throw accessError(`The secret for tokens has ${options.key.length} bytes, fewer than ${MIN_SECRET_SIZE}`);
}

async function importKey(jose: Jose, { key, algorithms }: TokenOptions): Promise<VerifyKey> {
  if (typeof key !== 'string') return key;
  const text = key.trim();
  if (text.includes('PRIVATE KEY-----'))
    throw accessError('The key for tokens is a private key: the broker needs the public one only');
  if (!text.startsWith('{')) {
    if (algorithms.length > 1) throw accessError('A key as PEM goes with one algorithm; a JWK set can hold several');
    const algorithm = algorithms[0] as string;
    return text.includes('BEGIN CERTIFICATE') ? jose.importX509(text, algorithm) : jose.importSPKI(text, algorithm);
  }
  const json = JSON.parse(text) as Record<string, unknown>;
  const keys = (Array.isArray(json.keys) ? json.keys : [json]) as readonly JWK[];
  if (keys.length === 0) throw accessError('The JWK set for tokens is empty');
  for (const one of keys)
    if (one.kty === 'oct' || one.d !== undefined)
      throw accessError(
        'The JWK set for tokens has a secret or a private key in it: the broker needs public ones only',
      );
  const set: JSONWebKeySet = { keys: [...keys] };
  return jose.createLocalJWKSet(set);
}

function accessError(message: string, cause?: unknown): MqttError {
  return new MqttError('ERR_MQTT_ACCESS', message, { fault: 'usage', cause });
}
