/** Which handler a packet goes to, and the packets whose handling is a line or two. */
import { PacketError } from '../../errors.ts';
import { PINGRESP, decodePacket } from '../../packets/codec.ts';
import { PacketType, packetTypeName } from '../../packets/packet-types.ts';
import { readShortPuback } from '../../packets/puback.ts';
import { ApplicationErrorCode, ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Flow } from '../flow.ts';
import type { Session } from '../session.ts';
import { handleConnect, refuseMalformedConnect } from './connect.ts';
import { handlePublish } from './publish.ts';
import { handleSubscribe, handleUnsubscribe } from './subscribe.ts';

/**
 * Handles the packet that stands in the flow's splitter.
 *
 * @param header its first byte
 * @throws PacketError
 */
export function dispatch(core: BrokerCore, flow: Flow, header: number, now: number): void {
  const { buffer, start, bodyStart, end } = flow.splitter;
  const session = flow.session;
  if (session.state === 'connected') {
    // Nearly all packets are one of these two, and neither needs an object.
    if (header >> 4 === PacketType.PUBLISH) {
      handlePublish(core, flow, header, buffer, bodyStart, end, now);
      return;
    }
    const identifier = readShortPuback(header, buffer, bodyStart, end);
    if (identifier !== 0 && flow.kind !== 'unidirectional') {
      handlePuback(core, session, identifier);
      return;
    }
  }
  handleOther(core, flow, buffer, start, bodyStart, end, now);
}

function handleOther(
  core: BrokerCore,
  flow: Flow,
  buffer: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  now: number,
): void {
  const session = flow.session;
  const type = buffer[start] >> 4;
  if (flow.kind === 'unidirectional')
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${packetTypeName(type)} came on a unidirectional stream`);
  // [MQTT-3.1.0-2]. It is not looked into: what is wrong with a CONNECT has reason codes that DISCONNECT has not.
  if (type === PacketType.CONNECT && session.state !== 'new')
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'CONNECT came a second time or on a data stream');
  let packet;
  try {
    packet = decodePacket(buffer, start, bodyStart, end, session.version);
  } catch (error) {
    if (session.state === 'new') refuseMalformedConnect(core, flow, buffer.subarray(bodyStart, end), error);
    throw error;
  }
  switch (packet.type) {
    case PacketType.SUBSCRIBE:
      handleSubscribe(core, flow, packet, now);
      return;
    case PacketType.UNSUBSCRIBE:
      handleUnsubscribe(core, flow, packet);
      return;
    case PacketType.PUBACK:
      handlePuback(core, session, packet.packetIdentifier);
      return;
    case PacketType.PINGREQ:
      // On a data flow nobody waits for an answer.
      if (flow.kind === 'control') core.reply(flow, PINGRESP); // [MQTT-3.12.4-1]
      return;
    case PacketType.CONNECT:
      handleConnect(core, flow, packet, now);
      return;
    case PacketType.DISCONNECT:
      if (flow.kind !== 'control') break;
      handleDisconnect(core, session, packet.reasonCode, packet.sessionExpiryInterval, now);
      return;
  }
  throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${packetTypeName(packet.type)} is not expected here`);
}

function handlePuback(core: BrokerCore, session: Session, packetIdentifier: number): void {
  // An identifier that is not in flight may have been acknowledged on the stream that died; it harms nobody.
  if (session.inFlight.acknowledge(packetIdentifier) === undefined) return;
  const queue = session.inFlight.nextWaiting();
  if (queue !== undefined) core.markReady(queue.owner as Flow);
}

/** The client said goodbye: no will, unless it asked for it. */
function handleDisconnect(
  core: BrokerCore,
  session: Session,
  reasonCode: number,
  sessionExpiryInterval: number,
  now: number,
): void {
  // [MQTT-3.14.2-2]
  if (sessionExpiryInterval > 0 && session.sessionExpiryInterval === 0)
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'DISCONNECT wants to keep a session that was to end');
  if (reasonCode !== ReasonCode.DISCONNECT_WITH_WILL_MESSAGE) session.will = undefined; // [MQTT-3.14.4-3]
  core.close(session, ApplicationErrorCode.NORMAL, '', now);
}
