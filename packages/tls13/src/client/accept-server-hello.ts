/** From a ServerHello that passed its checks to the handshake keys. */
import type { CipherSuite } from '../cipher-suites.ts';
import { illegalParameter } from '../errors.ts';
import { ExtensionType, refuseUnsolicited, requireExtension } from '../extensions.ts';
import { readServerShare } from '../extensions/key-share.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import { EarlySchedule } from '../key-schedule.ts';
import type { ServerHello } from '../messages/server-hello.ts';
import type { Transcript } from '../transcript.ts';
import type { ClientContext } from './client-context.ts';
import type { SentClientHello } from './hello.ts';
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
  // No pre-shared key is offered, so one that is chosen falls under this as well.
  refuseUnsolicited(hello.extensions, sent.offered);
  const entry = readServerShare(requireExtension(hello.extensions, ExtensionType.KEY_SHARE));
  // RFC 8446 §4.2.8: the server's group is one of those we sent a share for.
  const share = sent.shares.find((each) => each.group === entry.group);
  if (share === undefined)
    throw illegalParameter(`ServerHello has a share of group ${entry.group}, for which none was sent`);
  const sharedSecret = share.sharedSecret(entry.keyExchange);
  // RFC 8446 §7.4.2: a result of all zeros, a point off the curve.
  if (sharedSecret === undefined) throw illegalParameter('ServerHello has an unusable key share');

  const schedule = new EarlySchedule(settings.provider, suite).handshake(sharedSecret, transcript.digest());
  context.keyLogger.handshake(schedule);
  output.setSuite(suite);
  const level = EncryptionLevel.HANDSHAKE;
  output.emit({ type: 'read-secret', level, suite, secret: schedule.serverTrafficSecret });
  output.emit({ type: 'write-secret', level, suite, secret: schedule.clientTrafficSecret });
  return new WaitEncryptedExtensions(context, { suite, transcript, schedule, offered: sent.offered });
}
