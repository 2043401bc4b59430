/** From an accepted ClientHello to the handshake keys: ServerHello (RFC 8446 §4.1.3). */
import { illegalParameter } from '../errors.ts';
import { ExtensionType } from '../extensions.ts';
import { writeServerShare } from '../extensions/key-share.ts';
import { writeSelectedVersion } from '../extensions/supported-versions.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { KeyLogger } from '../key-log.ts';
import { EarlySchedule } from '../key-schedule.ts';
import { RANDOM_LENGTH } from '../messages/client-hello.ts';
import { writeServerHello } from '../messages/server-hello.ts';
import type { Transcript } from '../transcript.ts';
import type { Negotiated, ServerContext } from './server-context.ts';
import { WriteServerFlight } from './write-server-flight.ts';

/** @param transcript of everything up to the ClientHello that is answered */
export function sendServerHello(
  context: ServerContext,
  clientRandom: Uint8Array,
  negotiated: Negotiated,
  clientShare: Uint8Array,
  transcript: Transcript,
): HandshakeState {
  const { settings, output } = context;
  const { suite, group } = negotiated;
  const share = settings.provider.answerKeyShare(group, clientShare, settings.random);
  // RFC 8446 §7.4.2, §4.2.8.2: a result of all zeros, a point off the curve.
  if (share === undefined) throw illegalParameter('ClientHello has an unusable key share');

  const random = new Uint8Array(RANDOM_LENGTH);
  settings.random.fillPublic(random);
  const hello = writeServerHello({
    random,
    cipherSuite: suite.id,
    extensions: new Map<number, Uint8Array>([
      [ExtensionType.SUPPORTED_VERSIONS, writeSelectedVersion()],
      [ExtensionType.KEY_SHARE, writeServerShare({ group, keyExchange: share.publicKey })],
    ]),
  });
  transcript.add(hello);
  output.emit({ type: 'send', level: EncryptionLevel.INITIAL, data: hello });

  const schedule = new EarlySchedule(settings.provider, suite).handshake(share.sharedSecret, transcript.digest());
  const keyLogger = new KeyLogger(settings.keyLog, clientRandom);
  keyLogger.handshake(schedule);
  const level = EncryptionLevel.HANDSHAKE;
  output.emit({ type: 'read-secret', level, suite, secret: schedule.clientTrafficSecret });
  output.emit({ type: 'write-secret', level, suite, secret: schedule.serverTrafficSecret });
  return new WriteServerFlight(context, { negotiated, transcript, schedule, keyLogger });
}
