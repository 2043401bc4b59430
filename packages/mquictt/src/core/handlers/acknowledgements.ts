/** PUBACK, PUBREC, PUBREL and PUBCOMP from a client (MQTT 5 §4.3.2, §4.3.3). Answers return on the channel on which the packet came. */
import { PacketError } from '../../errors.ts';
import { encodeAcknowledgement } from '../../packets/codec.ts';
import { PacketType, packetTypeName } from '../../packets/packet-types.ts';
import type { AcknowledgementType } from '../../packets/puback.ts';
import { headerOf } from '../../packets/puback.ts';
import { ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Channel } from '../channel.ts';
import type { Flow } from '../flow.ts';

/** @throws PacketError */
export function handleAcknowledgement(
  core: BrokerCore,
  channel: Channel,
  type: AcknowledgementType,
  identifier: number,
  reasonCode: number,
): void {
  switch (type) {
    case PacketType.PUBACK:
    case PacketType.PUBCOMP:
      handleLast(core, channel, type, identifier);
      return;
    case PacketType.PUBREC:
      handlePubrec(core, channel, identifier, reasonCode);
      return;
    case PacketType.PUBREL:
      handlePubrel(core, channel, identifier);
      return;
  }
}

/** PUBACK or PUBCOMP: the exchange is over. */
function handleLast(core: BrokerCore, channel: Channel, type: AcknowledgementType, identifier: number): void {
  const flow = channel.flow as Flow;
  const { inFlight } = flow.session;
  const entry = inFlight.get(identifier);
  // An identifier that is not in flight may have been acknowledged on the stream that died; it harms nobody.
  if (entry === undefined) return;
  // PUBCOMP is for QoS 2 after PUBREC, which took the message out.
  const isExpected = type === PacketType.PUBACK ? entry.qos === 1 : entry.message === undefined;
  if (!isExpected) throw unexpected(type, identifier);
  inFlight.finish(entry);
  core.journal?.done(entry.source);
  flow.wakeWaiting();
}

/** [MQTT-4.3.3-4]: PUBREL is the answer to a PUBREC that is not negative, and the message is not sent again from here on. */
function handlePubrec(core: BrokerCore, channel: Channel, identifier: number, reasonCode: number): void {
  const flow = channel.flow as Flow;
  const { inFlight } = flow.session;
  const entry = inFlight.get(identifier);
  if (entry === undefined) {
    // A negative one ends the exchange, there is nothing to release.
    if (reasonCode < 0x80) answer(core, channel, PacketType.PUBREL, identifier, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND);
    return;
  }
  if (entry.qos !== 2) throw unexpected(PacketType.PUBREC, identifier);
  if (reasonCode >= 0x80) {
    inFlight.finish(entry);
    core.journal?.done(entry.source);
    flow.wakeWaiting();
    return;
  }
  inFlight.receive(entry);
  core.journal?.received(entry);
  answer(core, channel, PacketType.PUBREL, identifier, ReasonCode.SUCCESS);
}

/** [MQTT-4.3.3-11]: PUBCOMP with the same identifier, and what comes under it from now on is a new message. [MQTT-4.3.3-12] */
function handlePubrel(core: BrokerCore, channel: Channel, identifier: number): void {
  const flow = channel.flow as Flow;
  const isKnown = flow.receipts.release(identifier) || flow.session.orphanedReceipts.release(identifier);
  const reasonCode = isKnown ? ReasonCode.SUCCESS : ReasonCode.PACKET_IDENTIFIER_NOT_FOUND;
  answer(core, channel, PacketType.PUBCOMP, identifier, reasonCode);
}

function answer(
  core: BrokerCore,
  channel: Channel,
  type: AcknowledgementType,
  identifier: number,
  reasonCode: number,
): void {
  const { version } = channel.connection;
  if (reasonCode === 0 || version < 5) channel.output.pushAcknowledgement(headerOf(type), identifier);
  else channel.output.pushReply(encodeAcknowledgement(type, identifier, reasonCode, version));
  if (channel.flow?.session.isStored === true) channel.holdAnswers(-1);
  core.markReady(channel);
}

function unexpected(type: AcknowledgementType, identifier: number): PacketError {
  return new PacketError(
    ReasonCode.PROTOCOL_ERROR,
    `${packetTypeName(type)} came for message ${identifier}, whose exchange does not have it next`,
  );
}
