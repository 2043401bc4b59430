/** The traces of RFC 8448, and what all their tests do with them. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { TLS_AES_128_GCM_SHA256, type CipherSuite } from '../../src/cipher-suites.ts';
import { EarlySchedule, type HandshakeSchedule, type MasterSchedule } from '../../src/key-schedule.ts';
import { nodeKeyShare } from '../../src/node/key-exchange.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { nobleKeyShare } from '../../src/providers/noble-key-exchange.ts';
import { nobleProvider } from '../../src/providers/noble.ts';
import type { CryptoProvider, KeyShare, NamedGroup } from '../../src/provider.ts';
import { Transcript, transcriptWithRetry } from '../../src/transcript.ts';
import { fromHex, readVectors } from './bytes.ts';

type Figures = Readonly<Record<string, string>>;
type Protection = 'clientEarly' | 'clientHandshake' | 'serverHandshake' | 'clientApplication' | 'serverApplication';

/** One record: its content is either whole handshake messages, by name, or `payload`. */
export interface TraceRecord {
  readonly from: 'client' | 'server';
  readonly protection: Protection | 'none';
  readonly messages?: readonly string[];
  readonly type?: 'application_data' | 'alert' | 'change_cipher_spec';
  readonly payload?: string;
  readonly record: string;
}

export interface Trace {
  readonly name: string;
  readonly title: string;
  /** Only where a HelloRetryRequest made the client take another. */
  readonly firstClientPrivateKey?: string;
  readonly clientPrivateKey: string;
  readonly serverPrivateKey: string;
  /** Only in the resumed handshake. */
  readonly psk?: string;
  /** Of the one ticket that is used later. */
  readonly ticketNonce?: string;
  readonly sharedSecret?: string;
  /** With their headers, in the order of the transcript. */
  readonly messages: Figures;
  readonly secrets: Figures;
  readonly finishedKeys?: Figures;
  readonly trafficKeys: Readonly<Record<Protection, { readonly key: string; readonly iv: string } | undefined>>;
  readonly hashes?: Figures;
  /** What the file could not take from a text of the RFC. */
  readonly derived?: Figures;
  readonly records: readonly TraceRecord[];
}

/** The one suite of all traces. */
export const SUITE: CipherSuite = TLS_AES_128_GCM_SHA256;

export const simple: Trace = readTrace('simple-1rtt');
export const resumed: Trace = readTrace('resumed-0rtt');
export const retry: Trace = readTrace('hello-retry-request');
export const clientAuthentication: Trace = readTrace('client-authentication');
export const compatibility: Trace = readTrace('compatibility-mode');
export const TRACES: readonly Trace[] = [simple, resumed, retry, clientAuthentication, compatibility];

export interface TestedProvider {
  readonly provider: CryptoProvider;
  readonly keyShare: (group: NamedGroup, secret: Uint8Array) => KeyShare;
}

export const PROVIDERS: readonly TestedProvider[] = [
  { provider: nobleProvider, keyShare: nobleKeyShare },
  { provider: nodeProvider, keyShare: nodeKeyShare },
];

function readTrace(name: string): Trace {
  return { name, ...readVectors<Omit<Trace, 'name'>>(`rfc8448-${name}.json`) };
}

/** A message with its header. */
export function message(trace: Trace, name: string): Uint8Array {
  const hex = trace.messages[name];
  if (hex === undefined) throw new Error(`There is no ${name} in the trace ${trace.name}`);
  return fromHex(hex);
}

/** A message without its header. */
export function body(trace: Trace, name: string): Uint8Array {
  return message(trace, name).subarray(4);
}

/** The transcript of everything up to and with the message `last`. */
export function transcriptThrough(provider: CryptoProvider, trace: Trace, last: string): Transcript {
  const names = Object.keys(trace.messages);
  const isRetried = names.includes('helloRetryRequest');
  const transcript = isRetried
    ? transcriptWithRetry(provider, SUITE, message(trace, 'firstClientHello'), message(trace, 'helloRetryRequest'))
    : new Transcript(provider, SUITE);
  const end = names.indexOf(last) + 1;
  if (end === 0) throw new Error(`There is no ${last} in the trace ${trace.name}`);
  for (const name of names.slice(isRetried ? 2 : 0, end)) transcript.add(message(trace, name));
  return transcript;
}

export function hashThrough(provider: CryptoProvider, trace: Trace, last: string): Uint8Array {
  return transcriptThrough(provider, trace, last).digest();
}

/** A figure that the trace gives, or that had to be computed for it. */
export function secret(trace: Trace, name: string): string {
  const hex = trace.secrets[name] ?? trace.derived?.[name];
  if (hex === undefined) throw new Error(`There is no ${name} in the trace ${trace.name}`);
  return hex;
}

export function sharedSecret(trace: Trace): string {
  return trace.sharedSecret ?? secret(trace, 'sharedSecret');
}

export interface Schedules {
  readonly early: EarlySchedule;
  readonly handshake: HandshakeSchedule;
  readonly master: MasterSchedule;
}

/** Our key schedule with the trace's inputs. */
export function schedules(provider: CryptoProvider, trace: Trace): Schedules {
  const early = new EarlySchedule(provider, SUITE, trace.psk === undefined ? undefined : fromHex(trace.psk));
  const handshake = early.handshake(fromHex(sharedSecret(trace)), hashThrough(provider, trace, 'serverHello'));
  return { early, handshake, master: handshake.master(hashThrough(provider, trace, 'serverFinished')) };
}

/** The RSA key of section 2, with which the server signs in sections 3, 5 and 7. */
export function serverRsaKey(): KeyObject {
  const { rsa } = readVectors<{ rsa: Figures }>('rfc8448-private-keys.json');
  const field = (name: string): string => Buffer.from(fromHex(rsa[name] as string)).toString('base64url');
  return createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      n: field('modulus'),
      e: field('publicExponent'),
      d: field('privateExponent'),
      p: field('prime1'),
      q: field('prime2'),
      dp: field('exponent1'),
      dq: field('exponent2'),
      qi: field('coefficient'),
    },
  });
}
