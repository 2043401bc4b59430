/** Everything that says who may come in and what they may do, put together for the broker. */
import type { LogFunction } from '../core/broker-stats.ts';
import type {
  AccessPolicy,
  AuthenticationRequest,
  AuthenticationResult,
  ClientAction,
  Permissions,
  Principal,
} from '../core/permissions.ts';
import { MqttError } from '../errors.ts';
import { ReasonCode } from '../reason-codes.ts';
import { AccessRules } from './access-rules.ts';
import type { AccessRule } from './access-rules.ts';
import { networkOf } from './address-limits.ts';
import { CERTIFICATE_NAME_SOURCES } from './certificate-name.ts';
import type { CertificateNameSource } from './certificate-name.ts';
import type { PasswordFile } from './password-file.ts';
import { TokenVerifier } from './token-verifier.ts';

/**
 * Says who a client is, or refuses it. May take its time, up to ten seconds after the connection was made.
 *
 * @returns an identity, or a reason code from 0x80 on; undefined leaves it to passwords, tokens and certificates
 */
export type Authenticate = (
  request: AuthenticationRequest,
) => AuthenticationResult | undefined | Promise<AuthenticationResult | undefined>;

export interface AuthorizationRequest {
  readonly identity: string | undefined;
  readonly clientId: string;
  /** 'retain' is a message that is to be retained. */
  readonly action: ClientAction;
  /** Topic name, or for 'subscribe' the topic filter, without `$share/{ShareName}/`. */
  readonly topic: string;
}

/**
 * Says whether a client may do something; what the rules refuse is not asked about. Asked once for each topic that a stream changes to, and again after
 * Broker.setAccess().
 */
export type Authorize = (request: AuthorizationRequest) => boolean;

export interface AccessOptions {
  /** Names and passwords. */
  readonly passwords?: PasswordFile;
  /** Tokens that clients give as their passwords; the user name is then not looked at. */
  readonly tokens?: TokenVerifier;
  /**
   * Which name of its certificate is a client's identity, unless it also gives a password. With `clientCertificates.judge` that says it instead.
   * @default certificates say nothing about identity
   */
  readonly certificateName?: CertificateNameSource;
  /** Asked first. @default nobody */
  readonly authenticate?: Authenticate;
  /** Whether clients may come in that show nothing. @default only where nothing of the above is configured */
  readonly anonymous?: boolean;
  /** What clients may do: see AccessRule. @default everything */
  readonly rules?: readonly AccessRule[];
  /** Asked about what the rules allow. @default nobody */
  readonly authorize?: Authorize;
}

export class AccessControl implements AccessPolicy {
  readonly authenticates: boolean;
  readonly #options: AccessOptions;
  readonly #allowsAnonymous: boolean;
  readonly #rules: AccessRules | undefined;
  readonly #log: LogFunction;

  /** @throws MqttError ERR_MQTT_ACCESS */
  constructor(options: AccessOptions, log: LogFunction) {
    const { passwords, tokens, certificateName, authenticate, anonymous, rules } = options;
    if (certificateName !== undefined && !CERTIFICATE_NAME_SOURCES.includes(certificateName))
      throw new MqttError(
        'ERR_MQTT_ACCESS',
        `certificateName expected ${CERTIFICATE_NAME_SOURCES.join(', ')}, got ${String(certificateName)}`,
        { fault: 'usage' },
      );
    const isConfigured = [passwords, tokens, certificateName, authenticate].some((way) => way !== undefined);
    this.#options = options;
    this.#allowsAnonymous = anonymous ?? !isConfigured;
    this.authenticates = isConfigured || !this.#allowsAnonymous;
    this.#rules = rules === undefined ? undefined : new AccessRules(rules);
    this.#log = log;
  }

  /** @param unixTime ms. @returns never rejects */
  async authenticate(request: AuthenticationRequest, unixTime: () => number): Promise<AuthenticationResult> {
    try {
      const result = (await this.#options.authenticate?.(request)) ?? (await this.#check(request, unixTime));
      return checkResult(result);
    } catch (error) {
      this.#log('error', 'Authentication failed', { remote: request.remote, clientId: request.clientId, error });
      return ReasonCode.SERVER_UNAVAILABLE;
    }
  }

  permissionsOf(principal: Principal): Permissions | undefined {
    const rules = this.#rules?.permissionsOf(principal);
    const { authorize } = this.#options;
    return authorize === undefined ? rules : new HookPermissions(principal, rules, authorize, this.#log);
  }

  async #check(request: AuthenticationRequest, unixTime: () => number): Promise<AuthenticationResult> {
    const { passwords, tokens, certificateName } = this.#options;
    const { username, password } = request;
    // 1. What the client says is checked, where there is something to check it with.
    if (tokens !== undefined && password !== undefined && (passwords === undefined || TokenVerifier.isToken(password)))
      return tokens.verify(password, unixTime(), this.#log);
    if (passwords !== undefined && (username !== undefined || password !== undefined)) {
      if (username === undefined || password === undefined) return ReasonCode.BAD_USER_NAME_OR_PASSWORD;
      const verdict = await passwords.verify(username, password, () => request.isWanted, networkOf(request.remote));
      if (verdict === 'busy') return ReasonCode.SERVER_BUSY;
      return verdict === 'right' ? { name: username } : ReasonCode.BAD_USER_NAME_OR_PASSWORD;
    }
    // 2. What it has shown.
    if (request.certificateName !== undefined) return { name: request.certificateName };
    // 3. Nothing that could be checked.
    if (this.#allowsAnonymous) return { name: undefined };
    this.#log('info', 'A client has shown nothing that says who it is', {
      remote: request.remote,
      ...(certificateName === undefined ? {} : { certificateName }),
    });
    return ReasonCode.NOT_AUTHORIZED;
  }
}

class HookPermissions implements Permissions {
  readonly #principal: Principal;
  readonly #rules: Permissions | undefined;
  readonly #authorize: Authorize;
  readonly #log: LogFunction;

  constructor(principal: Principal, rules: Permissions | undefined, authorize: Authorize, log: LogFunction) {
    this.#principal = principal;
    this.#rules = rules;
    this.#authorize = authorize;
    this.#log = log;
  }

  mayPublish(topic: string, isRetained: boolean): boolean {
    if (this.#rules?.mayPublish(topic, isRetained) === false) return false;
    return this.#ask(isRetained ? 'retain' : 'publish', topic);
  }

  maySubscribe(topicFilter: string): boolean {
    if (this.#rules?.maySubscribe(topicFilter) === false) return false;
    return this.#ask('subscribe', topicFilter);
  }

  #ask(action: ClientAction, topic: string): boolean {
    const { identity, clientId } = this.#principal;
    try {
      // A promise would be true whatever it says later.
      return this.#authorize({ identity, clientId, action, topic }) === true;
    } catch (error) {
      this.#log('error', 'The authorize hook failed', { clientId, action, topic, error });
      return false;
    }
  }
}

/** Hooks are written by people. */
function checkResult(result: AuthenticationResult): AuthenticationResult {
  if (typeof result === 'number') {
    if (result >= 0x80 && result <= 0xff) return result;
    throw new TypeError(`authenticate expected to give a reason code from 0x80 on, got ${result as number}`);
  }
  const name: unknown = (result as { name?: unknown } | null)?.name;
  if (
    typeof result !== 'object' ||
    result === null ||
    !(name === undefined || (typeof name === 'string' && name !== ''))
  )
    throw new TypeError('authenticate expected to give an identity { name }, a reason code or undefined');
  return result;
}
