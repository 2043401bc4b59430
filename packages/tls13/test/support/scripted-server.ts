/**
 * A server that breaks the rules on purpose. It keeps the handshake honest around what a test changes: whatever goes out
 * instead of a message is in the transcript, so the signature and the MAC behind it are right unless they are what is
 * changed.
 */
import { Alert } from '../../src/alerts.ts';
import { TLS_AES_128_GCM_SHA256, type CipherSuite } from '../../src/cipher-suites.ts';
import type { Credential } from '../../src/config.ts';
import { TlsError } from '../../src/errors.ts';
import { ExtensionType } from '../../src/extensions.ts';
import { writeAlpn } from '../../src/extensions/alpn.ts';
import { readClientShares, writeServerShare } from '../../src/extensions/key-share.ts';
import { writeSelectedVersion } from '../../src/extensions/supported-versions.ts';
import { EncryptionLevel } from '../../src/handshake.ts';
import { EarlySchedule, type HandshakeSchedule } from '../../src/key-schedule.ts';
import { writeCertificateVerify, signatureContent } from '../../src/messages/certificate-verify.ts';
import { writeCertificate } from '../../src/messages/certificate.ts';
import { readClientHello } from '../../src/messages/client-hello.ts';
import { writeEncryptedExtensions } from '../../src/messages/encrypted-extensions.ts';
import { writeFinished } from '../../src/messages/finished.ts';
import { writeServerHello } from '../../src/messages/server-hello.ts';
import type { NamedGroup } from '../../src/provider.ts';
import { nobleProvider } from '../../src/providers/noble.ts';
import { Transcript, transcriptWithRetry } from '../../src/transcript.ts';
import { seededRandom } from '@mquictt/testkit';
import { ALPN, SERVER_EXTENSION, credentialOf } from './handshakes.ts';

export type FlightMessage = 'server_hello' | 'encrypted_extensions' | 'certificate' | 'certificate_verify' | 'finished';

/** What the edit of a message may look at. */
export interface EditContext {
  /** Of everything that has gone out so far. */
  digest(): Uint8Array;
  readonly schedule: HandshakeSchedule | undefined;
}

export interface Script {
  readonly suite?: CipherSuite;
  readonly credential?: Credential;
  /** @returns what goes out in place of `message`: nothing, itself changed, several. */
  edit?(name: FlightMessage, message: Uint8Array, context: EditContext): Uint8Array[];
  /** Changes what is signed and by which scheme. */
  readonly scheme?: number;
  signContent?(content: Uint8Array): Uint8Array;
  /** Where a HelloRetryRequest has been: the messages before the ClientHello that is answered. */
  readonly retry?: { readonly clientHello: Uint8Array; readonly request: Uint8Array };
}

/** One message of the flight with the level it goes out at. */
export interface ScriptedMessage {
  readonly name: FlightMessage;
  readonly level: EncryptionLevel;
  readonly data: Uint8Array;
}

/** The whole flight that answers `clientHello`, as messages in order. */
export function scriptedFlight(clientHello: Uint8Array, script: Script = {}): ScriptedMessage[] {
  const provider = nobleProvider;
  const random = seededRandom(5);
  const cipherSuite = script.suite ?? TLS_AES_128_GCM_SHA256;
  const credential = script.credential ?? credentialOf('ecdsa-p256');
  const edit = script.edit ?? ((_name, message) => [message]);
  const transcript =
    script.retry === undefined
      ? new Transcript(provider, cipherSuite)
      : transcriptWithRetry(provider, cipherSuite, script.retry.clientHello, script.retry.request);
  transcript.add(clientHello);

  const flight: ScriptedMessage[] = [];
  let schedule: HandshakeSchedule | undefined;
  const put = (name: FlightMessage, message: Uint8Array): void => {
    const level = name === 'server_hello' ? EncryptionLevel.INITIAL : EncryptionLevel.HANDSHAKE;
    for (const data of edit(name, message, { digest: () => transcript.digest(), schedule })) {
      transcript.add(data);
      flight.push({ name, level, data });
    }
  };

  const hello = readClientHello(clientHello.subarray(4));
  const [clientShare] = readClientShares(hello.extensions.get(ExtensionType.KEY_SHARE) as Uint8Array);
  if (clientShare === undefined) throw new TlsError('ERR_TLS_INTERNAL', Alert.INTERNAL_ERROR, 'no share');
  const { group, keyExchange } = clientShare;
  const share = provider.answerKeyShare(group as NamedGroup, keyExchange, random);
  if (share === undefined) throw new TlsError('ERR_TLS_INTERNAL', Alert.INTERNAL_ERROR, 'an unusable share');
  put(
    'server_hello',
    writeServerHello({
      random: random.bytes(32),
      cipherSuite: cipherSuite.id,
      extensions: new Map([
        [ExtensionType.SUPPORTED_VERSIONS as number, writeSelectedVersion()],
        [ExtensionType.KEY_SHARE, writeServerShare({ group, keyExchange: share.publicKey })],
      ]),
    }),
  );
  schedule = new EarlySchedule(provider, cipherSuite).handshake(share.sharedSecret, transcript.digest());

  put('encrypted_extensions', writeEncryptedExtensions(encryptedExtensions()));
  put('certificate', certificateMessage(credential.chain));

  const scheme = script.scheme ?? (credential.key.schemes[0] as number);
  const content = signatureContent('server', transcript.digest());
  const signature = credential.key.sign(credential.key.schemes[0] as 0x0403, script.signContent?.(content) ?? content);
  put('certificate_verify', writeCertificateVerify({ algorithm: scheme, signature }));

  put('finished', writeFinished(schedule.serverVerifyData(transcript.digest())));
  return flight;
}

/** What an honest server says, for tests to add to. */
export function encryptedExtensions(): Map<number, Uint8Array> {
  return new Map([
    [ExtensionType.APPLICATION_LAYER_PROTOCOL_NEGOTIATION as number, writeAlpn([ALPN])],
    [SERVER_EXTENSION.type, SERVER_EXTENSION.data],
  ]);
}

export function certificateMessage(chain: readonly Uint8Array[]): Uint8Array {
  return writeCertificate({
    certificateRequestContext: new Uint8Array(0),
    certificateList: chain.map((certData) => ({ certData, extensions: new Map() })),
  });
}
