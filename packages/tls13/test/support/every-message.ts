/**
 * Every message in every state of both roles, at every level. What may come is known from the figures of RFC 8446 §A; all else is unexpected_message,
 * from its first byte on, and ends the handshake for good.
 */
import { TEST_UNIX_TIME } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Alert, alertName } from '../../src/alerts.ts';
import { TlsError } from '../../src/errors.ts';
import { EncryptionLevel, type Handshake } from '../../src/handshake.ts';
import { writeCertificateRequest } from '../../src/messages/certificate-request.ts';
import { writeCertificateVerify } from '../../src/messages/certificate-verify.ts';
import { writeCompressedCertificate } from '../../src/messages/compressed-certificate.ts';
import { writeEncryptedExtensions } from '../../src/messages/encrypted-extensions.ts';
import { writeEndOfEarlyData } from '../../src/messages/end-of-early-data.ts';
import { writeFinished } from '../../src/messages/finished.ts';
import { messageName } from '../../src/messages/handshake-message.ts';
import { writeNewSessionTicket } from '../../src/messages/new-session-ticket.ts';
import { NamedGroup } from '../../src/provider.ts';
import { connect, credentialOf, drain, messagesOf, newClient, newServer, sentAt } from './handshakes.ts';
import { certificateMessage, encryptedExtensions } from './scripted-server.ts';
import { STATES, type Reads, type State } from './states.ts';

const LEVELS = Object.values(EncryptionLevel);

/** A message that only has a header and a body of its own; types that nobody knows take any. */
function bare(type: number, ...body: readonly number[]): Uint8Array {
  return Uint8Array.of(type, 0, 0, body.length, ...body);
}

/** Well-formed messages of every type, those with two forms in both, and types of other versions and of none. */
function catalogue(): readonly Uint8Array[] {
  const retried = connect(
    newClient({ groups: [NamedGroup.X25519, NamedGroup.SECP256R1] }),
    newServer({ groups: [NamedGroup.SECP256R1] }),
  );
  const [clientHello] = messagesOf(sentAt(retried.clientEvents, EncryptionLevel.INITIAL));
  const [retryRequest, serverHello] = messagesOf(sentAt(retried.serverEvents, EncryptionLevel.INITIAL));
  const none = new Uint8Array(0);
  return [
    clientHello as Uint8Array,
    serverHello as Uint8Array,
    retryRequest as Uint8Array,
    writeNewSessionTicket({
      ticketLifetimeSeconds: 7200,
      ticketAgeAdd: 1,
      ticketNonce: Uint8Array.of(0),
      ticket: new Uint8Array(200),
      maxEarlyDataSize: 0,
    }),
    writeEndOfEarlyData(),
    writeEncryptedExtensions(encryptedExtensions()),
    certificateMessage(credentialOf('ecdsa-p256').chain),
    certificateMessage([]),
    writeCertificateRequest({
      certificateRequestContext: none,
      extensions: new Map([[13, Uint8Array.of(0, 2, 4, 3)]]),
    }),
    writeCertificateVerify({ algorithm: 0x0403, signature: new Uint8Array(70) }),
    writeFinished(new Uint8Array(32)),
    writeCompressedCertificate({
      algorithm: 1,
      uncompressedLength: 300,
      compressedCertificateMessage: new Uint8Array(200),
    }),
    bare(24, 0), // KeyUpdate, both kinds
    bare(24, 1),
    bare(254, ...new Uint8Array(32)), // message_hash, which is for the transcript only
    bare(0), // HelloRequest and what else TLS 1.2 had
    bare(12, 1),
    bare(14),
    bare(16, 1),
    bare(3),
    bare(6),
    bare(22, 1),
    bare(67, 1),
    bare(255),
  ];
}

const MESSAGES = catalogue();
const RETRY_REQUEST = MESSAGES[2];

/** What a state makes of a message: nothing but a TlsError may come out, and this is its alert. */
function outcome(run: () => void): TlsError | undefined {
  try {
    run();
  } catch (error) {
    assert.instance(error, TlsError, String(error));
    return error as TlsError;
  }
  return undefined;
}

function assertUnexpected(error: TlsError | undefined, handshake: Handshake, what: string): void {
  assert.ok(error !== undefined, `${what}: taken`);
  assert.is(alertName(error.alert), alertName(Alert.UNEXPECTED_MESSAGE), `${what}: ${error.message}`);
  assert.is(error.code, 'ERR_TLS_PEER_MISBEHAVED');
  assert.is(error.fault, 'peer');
  assertDead(handshake, error, what);
}

/** Whatever is called on a handshake that has failed throws what it failed with, and there are no events any more. */
function assertDead(handshake: Handshake, error: TlsError, what: string): void {
  const calls: readonly (() => void)[] = [
    ...LEVELS.map((level) => () => handshake.handleMessages(level, Uint8Array.of(1), TEST_UNIX_TIME)),
    () => handshake.handleMessages(EncryptionLevel.INITIAL, new Uint8Array(0), TEST_UNIX_TIME),
    () => handshake.acceptPeerChain(),
    () => handshake.rejectPeerChain(new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.ACCESS_DENIED, 'no')),
    () => handshake.provideCredential(undefined),
    () => handshake.provideSession(undefined),
  ];
  for (const call of calls) assert.is(outcome(call), error, what);
  assert.is(handshake.nextEvent(), undefined, what);
}

/** @param run hands in the message, or makes the handshake look at one that waits */
function assertJudged(
  reads: Reads,
  at: EncryptionLevel,
  message: Uint8Array,
  run: () => void,
  handshake: Handshake,
): void {
  const type = message[0] as number;
  const what = `${messageName(type)} at level ${at}`;
  const isExpected =
    at === reads.level && reads.expects.includes(type) && !(reads.isRetried === true && message === RETRY_REQUEST);
  const error = outcome(run);
  if (isExpected) {
    // It is read, and what is wrong with it has another alert; but it cannot be the end of a handshake that it does not belong to.
    assert.is.not(error?.alert, Alert.UNEXPECTED_MESSAGE, `${what}: ${error?.message}`);
    if (error !== undefined) assertDead(handshake, error, what);
  } else assertUnexpected(error, handshake, what);
}

function completes(handshake: Handshake): boolean {
  return outcome(() => drain(handshake)) === undefined && handshake.isComplete;
}

/** Makes and runs the suite for one role. */
export function sendEverything(role: 'client' | 'server'): void {
  const test = suite(`every message in every state of a ${role}`);
  for (const [index, state] of STATES.filter(({ name }) => name.startsWith(role)).entries()) {
    test(`${state.name}: every message at every level`, () => {
      for (const message of MESSAGES)
        for (const at of LEVELS) {
          const handshake = state.reach();
          const wasComplete = handshake.isComplete;
          const send = (): void => handshake.handleMessages(at, message, TEST_UNIX_TIME);
          if (state.waits === undefined || at !== state.level) assertJudged(state, at, message, send, handshake);
          else {
            send();
            assertJudged(state.waits.next, at, message, () => state.waits?.answer(handshake), handshake);
          }
          const mayComplete = wasComplete || (state.waits?.completes === true && at === state.level);
          assert.ok(
            mayComplete || !completes(handshake),
            `${messageName(message[0] as number)} completed the handshake`,
          );
        }
    });

    if (state.waits !== undefined) {
      test(`${state.name}: other answers than the one that is awaited`, () => assertKeepsWaiting(state));
      continue;
    }
    test(`${state.name}: types that nobody knows, by their first byte`, () => {
      // Dealt out among the states: each comes up in several, and unexpected it is everywhere.
      for (let type = index % 8; type < 256; type += 8) {
        if (state.expects.includes(type)) continue;
        const handshake = state.reach();
        const error = outcome(() => handshake.handleMessages(state.level, Uint8Array.of(type), TEST_UNIX_TIME));
        assertUnexpected(error, handshake, messageName(type));
      }
    });
  }
  test.run();
}

/** Answers to questions that were not asked change nothing. */
function assertKeepsWaiting({ reach, waits }: State): void {
  const answers: readonly ((handshake: Handshake) => void)[] = [
    (handshake) => handshake.acceptPeerChain(),
    (handshake) => handshake.provideCredential(undefined),
    (handshake) => handshake.provideSession(undefined),
  ];
  const isWrong = (call: (handshake: Handshake) => void, handshake: Handshake): boolean =>
    outcome(() => call(handshake))?.code === 'ERR_TLS_INVALID_STATE';
  const wrong = answers.filter((call) => isWrong(call, reach()));
  assert.ok(wrong.length >= 2);
  const handshake = reach();
  for (const call of wrong) assert.ok(isWrong(call, handshake));
  assert.is(
    outcome(() => waits?.answer(handshake)),
    undefined,
  );
}
