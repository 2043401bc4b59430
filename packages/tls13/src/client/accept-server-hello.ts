/** From a ServerHello that passed its checks to the handshake keys. */
import type { CipherSuite } from '../cipher-suites.ts';
import { illegalParameter } from '../errors.ts';
import { ExtensionType, refuseUnsolicited, requireExtension } from '../extensions.ts';
import { readServerShare } from '../extensions/key-share.ts';
import { readSelectedIdentity } from '../extensions/pre-shared-key.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { EarlySchedule } from '../key-schedule.ts';
import type { ServerHello } from '../messages/server-hello.ts';
import type { Transcript } from '../transcript.ts';
import type { ClientContext } from './client-context.ts';
import type { SentClientHello } from './hello.ts';
import type { OfferedSession } from './offered-session.ts';
import { WaitEncryptedExtensions } from './wait-encrypted-extensions.ts';

/** @param transcript of ClientHello...ServerHello */
export function acceptServerHello(
  context: ClientContext,
  sent: SentClientHello,
  hello: ServerHello,
  suite: CipherSuite,
  transcript: Transcript,
): HandshakeState {
  const { settings, output } = context;
  refuseUnsolicited(hello.extensions, sent.offered);
  const resumed = resumedSession(hello, suite, sent.session);
  // RFC 8446 §4.2.9: psk_dhe_ke alone was offered, so a share is there in any case.
  const entry = readServerShare(requireExtension(hello.extensions, ExtensionType.KEY_SHARE));
  // RFC 8446 §4.2.8: the server's group is one of those we sent a share for.
  const share = sent.shares.find((each) => each.group === entry.group);
  if (share === undefined)
    throw illegalParameter(`ServerHello has a share of group ${entry.group}, for which none was sent`);
  const sharedSecret = share.sharedSecret(entry.keyExchange);
  // RFC 8446 §7.4.2: a result of all zeros, a point off the curve.
  if (sharedSecret === undefined) throw illegalParameter('ServerHello has an unusable key share');

  const early = resumed?.schedule ?? new EarlySchedule(settings.provider, suite);
  const schedule = early.handshake(sharedSecret, transcript.digest());
  context.keyLogger.handshake(schedule);
  output.setSuite(suite);
  const level = EncryptionLevel.HANDSHAKE;
  output.emit({ type: 'read-secret', level, suite, secret: schedule.serverTrafficSecret });
  output.emit({ type: 'write-secret', level, suite, secret: schedule.clientTrafficSecret });
  const { offered, isEarlyDataOffered } = sent;
  return new WaitEncryptedExtensions(context, { suite, transcript, schedule, offered, resumed, isEarlyDataOffered });
}

/** RFC 8446 §4.2.11: the identity that was chosen must be one of ours, and its hash that of the suite. */
function resumedSession(
  { extensions }: ServerHello,
  suite: CipherSuite,
  session: OfferedSession | undefined,
): OfferedSession | undefined {
  const data = extensions.get(ExtensionType.PRE_SHARED_KEY);
  if (data === undefined || session === undefined) return undefined;
  const selected = readSelectedIdentity(data);
  if (selected !== 0) throw illegalParameter(`ServerHello chose pre-shared key ${selected}, and only 0 was offered`);
  if (session.suite.hash !== suite.hash)
    throw illegalParameter(`ServerHello chose ${suite.name}, whose hash is not that of the pre-shared key`);
  return session;
}
