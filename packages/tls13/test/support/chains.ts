/** Chains that are right but for what a test changes. */
import { CLIENT_AUTH, SERVER_AUTH, TEST_UNIX_TIME, buildCertificate, extensions, testKeyPair } from '@mquictt/testkit';
import type { CertificateOptions, TestExtension, TestKeyPair } from '@mquictt/testkit';
import * as assert from 'uvu/assert';
import { Alert, RootStore, TlsError, alertName, verifyChain } from '../../src/index.ts';
import type { ChainCheck, TlsErrorCode, VerifiedChain, VerifyChainOptions } from '../../src/index.ts';
import { nodeProvider } from '../../src/node/index.ts';

export const KEY_CERT_SIGN = 5;
export const DIGITAL_SIGNATURE = 0;

/** A certificate with the key that it certifies. */
export interface Issued {
  readonly subject: string;
  readonly key: TestKeyPair;
  readonly der: Uint8Array;
}

type Overrides = Omit<Partial<CertificateOptions>, 'extensions'> & {
  /** Extensions by OID that replace, or with `undefined` remove, the usual ones. */
  readonly replace?: readonly TestExtension[];
  readonly remove?: readonly string[];
};

/** Keys are shared by all chains of a file: what is tested does not depend on them. */
const keys = new Map<string, TestKeyPair>();
export function keyFor(name: string, type: Parameters<typeof testKeyPair>[0] = 'p256'): TestKeyPair {
  let key = keys.get(`${type} ${name}`);
  if (key === undefined) keys.set(`${type} ${name}`, (key = testKeyPair(type)));
  return key;
}

export function authority(subject: string, issuer?: Issued, overrides: Overrides = {}): Issued {
  return issue(subject, issuer, overrides, [
    extensions.basicConstraints(true),
    extensions.keyUsage(KEY_CERT_SIGN),
    extensions.subjectKeyIdentifier(overrides.key ?? keyFor(subject)),
  ]);
}

export function leaf(issuer: Issued, names: readonly (string | Uint8Array)[], overrides: Overrides = {}): Issued {
  return issue('leaf', issuer, overrides, [
    extensions.basicConstraints(false),
    extensions.keyUsage(DIGITAL_SIGNATURE),
    extensions.extendedKeyUsage(SERVER_AUTH, CLIENT_AUTH),
    extensions.subjectAlternativeName(...names),
  ]);
}

function issue(subject: string, issuer: Issued | undefined, overrides: Overrides, usual: TestExtension[]): Issued {
  const { replace = [], remove = [], ...rest } = overrides;
  const key = overrides.key ?? keyFor(subject);
  const kept = usual.filter(({ oid }) => !remove.includes(oid) && !replace.some((other) => other.oid === oid));
  const own = issuer === undefined ? [] : [extensions.authorityKeyIdentifier(issuer.key)];
  const options: CertificateOptions = {
    subject,
    key,
    ...(issuer === undefined ? {} : { issuer: issuer.subject, issuerKey: issuer.key }),
    ...rest,
    extensions: [...kept, ...replace, ...own.filter(({ oid }) => !remove.includes(oid))],
  };
  return { subject: options.subject ?? subject, key, der: buildCertificate(options) };
}

/** Verifies as a client would, with node:crypto, at a moment when everything is valid, for example.org. */
export function verify(
  chain: readonly Issued[],
  roots: readonly Issued[],
  options: Partial<VerifyChainOptions> = {},
): VerifiedChain {
  return verifyChain({
    provider: nodeProvider,
    chain: chain.map(({ der }) => der),
    roots: new RootStore(roots.map(({ der }) => der)),
    purpose: 'server',
    serverName: 'example.org',
    unixTime: TEST_UNIX_TIME,
    ...options,
  });
}

/** @returns the TlsError of an action that is refused. One that names a certificate's fault says the same in its report. */
export function refusal(action: () => unknown): TlsError {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    assert.instance(error, TlsError, `${String(error)}`);
    const { message, report } = error as TlsError;
    assert.not.match(message, /\.$/);
    if (report !== undefined) assert.is(report.reason, message);
    return error as TlsError;
  }
  assert.unreachable(`not refused: ${String(result)}`);
  throw new Error('unreachable');
}

/**
 * Asserts that `action` fails with a TlsError of this code and alert whose sentence matches.
 *
 * @param check what the report calls it, and the subject of the certificate that it names
 */
export function assertRefused(
  action: () => unknown,
  code: TlsErrorCode,
  alert: Alert,
  sentence: RegExp,
  [check, subject]: readonly [check?: ChainCheck, subject?: string] = [],
): void {
  const { code: actual, alert: actualAlert, message, report } = refusal(action);
  assert.is(actual, code, message);
  assert.is(alertName(actualAlert), alertName(alert), message);
  assert.match(message, sentence);
  if (check !== undefined) assert.is(report?.check, check, message);
  if (subject !== undefined) assert.is(report?.certificate?.subject, subject, message);
}
