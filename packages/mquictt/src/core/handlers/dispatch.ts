/** Which handler a packet goes to. */
import { PacketError } from '../../errors.ts';
import { PINGRESP, decodePacket } from '../../packets/codec.ts';
import { PacketType, packetTypeName } from '../../packets/packet-types.ts';
import type { AcknowledgementType } from '../../packets/puback.ts';
import { readShortAcknowledgement } from '../../packets/puback.ts';
import { ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Channel } from '../channel.ts';
import { handleAcknowledgement } from './acknowledgements.ts';
import { handleConnect, refuseMalformedConnect } from './connect.ts';
import { handleDisconnect } from './disconnect.ts';
import { handlePublish } from './publish.ts';
import { handleSubscribe, handleUnsubscribe } from './subscribe.ts';

/**
 * Handles the packet that stands in the channel's splitter.
 *
 * @param header its first byte
 * @throws PacketError
 */
export function dispatch(core: BrokerCore, channel: Channel, header: number, now: number): void {
  const { buffer, start, bodyStart, end } = channel.splitter;
  if (channel.connection.state === 'connected') {
    // Nearly all packets are one of these two, and neither needs an object.
    if (header >> 4 === PacketType.PUBLISH) {
      handlePublish(core, channel, header, buffer, bodyStart, end, now);
      return;
    }
    const identifier = readShortAcknowledgement(header, buffer, bodyStart, end);
    if (identifier !== 0 && channel.kind !== 'unidirectional') {
      handleAcknowledgement(core, channel, (header >> 4) as AcknowledgementType, identifier, ReasonCode.SUCCESS);
      return;
    }
  }
  handleOther(core, channel, buffer, start, bodyStart, end, now);
}

function handleOther(
  core: BrokerCore,
  channel: Channel,
  buffer: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  now: number,
): void {
  const { connection } = channel;
  const type = buffer[start] >> 4;
  if (channel.kind === 'unidirectional')
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${packetTypeName(type)} came on a unidirectional stream`);
  // [MQTT-3.1.0-2]. It is not looked into: what is wrong with a CONNECT has reason codes that DISCONNECT has not.
  if (type === PacketType.CONNECT && connection.state !== 'new')
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'CONNECT came a second time or on a data stream');
  let packet;
  try {
    packet = decodePacket(buffer, start, bodyStart, end, connection.version, 'client');
  } catch (error) {
    if (connection.state === 'new') refuseMalformedConnect(core, channel, buffer.subarray(bodyStart, end), error);
    throw error;
  }
  switch (packet.type) {
    case PacketType.SUBSCRIBE:
      handleSubscribe(core, channel, packet, now);
      return;
    case PacketType.UNSUBSCRIBE:
      handleUnsubscribe(core, channel, packet);
      return;
    case PacketType.PUBACK:
    case PacketType.PUBREC:
    case PacketType.PUBREL:
    case PacketType.PUBCOMP:
      handleAcknowledgement(core, channel, packet.type, packet.packetIdentifier, packet.reasonCode);
      return;
    case PacketType.PINGREQ:
      // On a data flow nobody waits for an answer.
      if (channel.kind === 'control') core.reply(channel, PINGRESP); // [MQTT-3.12.4-1]
      return;
    case PacketType.CONNECT:
      handleConnect(core, channel, packet, now);
      return;
    case PacketType.DISCONNECT:
      if (channel.kind !== 'control') break;
      handleDisconnect(core, connection, packet, now);
      return;
  }
  throw new PacketError(ReasonCode.PROTOCOL_ERROR, `${packetTypeName(packet.type)} is not expected here`);
}
