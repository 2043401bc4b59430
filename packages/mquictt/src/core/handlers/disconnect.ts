/** DISCONNECT from a client (MQTT 5 §3.14). */
import { PacketError } from '../../errors.ts';
import type { DisconnectPacket } from '../../packets/codec.ts';
import { ApplicationErrorCode, ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Connection } from '../connection.ts';
import type { Session } from '../session.ts';
import { secondsOf } from './connect.ts';

/** The client says goodbye: no will, unless it asks for it. @throws PacketError */
export function handleDisconnect(
  core: BrokerCore,
  connection: Connection,
  packet: DisconnectPacket,
  now: number,
): void {
  const session = connection.session as Session;
  const { reasonCode, sessionExpiryInterval } = packet;
  if (sessionExpiryInterval !== -1) {
    // [MQTT-3.14.2-2]
    if (sessionExpiryInterval > 0 && connection.sessionExpiryInterval === 0)
      throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'DISCONNECT wants to keep a session that was to end');
    // [MQTT-3.1.2-23]
    session.expiryInterval = Math.min(secondsOf(sessionExpiryInterval), core.capabilities.maxSessionExpiry);
  }
  // [MQTT-3.14.4-3], [MQTT-3.1.2-10]. Every other reason code is one of an error.
  if (reasonCode === ReasonCode.SUCCESS) session.will = undefined;
  core.close(connection, ApplicationErrorCode.NORMAL, '', now);
}
