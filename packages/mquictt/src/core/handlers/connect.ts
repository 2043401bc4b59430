/** CONNECT (MQTT 5 §3.1.4): who may come in, and what they are told. Everybody may: names and passwords are not checked in this version. */
import { PacketError } from '../../errors.ts';
import { MAX_CLIENT_IDENTIFIER_LENGTH, RECEIVE_MAXIMUM } from '../../limits.ts';
import { encodeConnack } from '../../packets/codec.ts';
import type { ConnackFields, ConnectPacket, ReceivedWill } from '../../packets/codec.ts';
import { checkResponseTopic } from '../../packets/message-properties.ts';
import { topicNameProblem } from '../../packets/topics.ts';
import { encodeUtf8 } from '../../packets/utf8.ts';
import { ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import type { Flow } from '../flow.ts';
import { Message } from '../message.ts';
import type { Session } from '../session.ts';

/** @throws PacketError: the connection ends */
export function handleConnect(core: BrokerCore, flow: Flow, packet: ConnectPacket, now: number): void {
  const session = flow.session;
  session.version = packet.protocolVersion;
  const refuse = (reasonCode: ReasonCode, message: string): never => {
    refuseConnect(core, flow, reasonCode, message);
    throw new PacketError(reasonCode, message);
  };

  // 1. What we cannot do.
  if (packet.authenticationMethod !== undefined)
    refuse(ReasonCode.BAD_AUTHENTICATION_METHOD, 'Enhanced authentication is not supported'); // [MQTT-4.12.0-1]
  const will = packet.will;
  if (will !== undefined) {
    const problem = topicNameProblem(will.topic);
    if (problem !== undefined) refuse(ReasonCode.TOPIC_NAME_INVALID, `The topic of the will ${problem}`);
    if (will.responseTopic !== '') checkResponseTopic(will.responseTopic);
    // [MQTT-3.2.2-12]. MQTT 3.1.1 cannot be told: its wills of QoS 2 are published with QoS 1.
    if (will.qos === 2 && session.version === 5) refuse(ReasonCode.QOS_NOT_SUPPORTED, 'The will has QoS 2');
  }

  // 2. Who it is.
  let clientId = packet.clientId;
  const isAssigned = clientId === '';
  if (isAssigned) {
    // [MQTT-3.1.3-8] of MQTT 3.1.1
    if (session.version === 4 && !packet.cleanStart)
      refuse(ReasonCode.CLIENT_IDENTIFIER_NOT_VALID, 'A client without identifier wants to keep its session');
    clientId = drawClientId(core); // [MQTT-3.1.3-6]
  } else if (encodeUtf8(clientId).length > MAX_CLIENT_IDENTIFIER_LENGTH) {
    refuse(
      ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
      `The client identifier is longer than ${MAX_CLIENT_IDENTIFIER_LENGTH} bytes`,
    );
  }

  // 3. Whoever has that name goes. [MQTT-3.1.4-3]
  const former = core.sessions.get(clientId);
  if (former !== undefined)
    core.disconnect(former, ReasonCode.SESSION_TAKEN_OVER, 'Another connection took over the client identifier', now);

  // 4. The session.
  session.clientId = clientId;
  session.state = 'connected';
  session.inFlight.receiveMaximum = packet.receiveMaximum;
  session.maximumPacketSize = packet.maximumPacketSize;
  session.will = will;
  session.sessionExpiryInterval = packet.sessionExpiryInterval;
  core.sessions.set(clientId, session);
  core.counters.connectionsAccepted++;
  const serverKeepAlive = overrideOf(core.serverKeepAlive, packet.keepAlive);
  session.patience = (serverKeepAlive ?? packet.keepAlive) * 1500;
  core.deadlines.set(session, session.patience === 0 ? Infinity : now + session.patience);

  // 5. The answer, which is the first packet they get. [MQTT-3.2.0-1]
  core.reply(
    flow,
    encodeConnack(
      {
        sessionPresent: false, // [MQTT-3.2.2-3]: nothing is kept from one connection to the next
        reasonCode: ReasonCode.SUCCESS,
        ...(packet.sessionExpiryInterval > 0 ? { sessionExpiryInterval: 0 } : {}),
        receiveMaximum: RECEIVE_MAXIMUM,
        maximumQos: 1, // [MQTT-3.2.2-9]
        retainAvailable: true,
        maximumPacketSize: core.maxPacketSize,
        ...(isAssigned ? { assignedClientIdentifier: clientId } : {}), // [MQTT-3.2.2-16]
        topicAliasMaximum: 0,
        wildcardSubscriptionAvailable: true,
        subscriptionIdentifierAvailable: true,
        sharedSubscriptionAvailable: false,
        ...(serverKeepAlive === undefined ? {} : { serverKeepAlive }), // [MQTT-3.2.2-21]
      },
      session.version,
    ),
  );
  const { remote, peerIdentity, version } = session;
  const identity = peerIdentity === undefined ? {} : { peerIdentity };
  core.log('info', 'A client connected', { remote, clientId, version, ...identity });
}

/**
 * Answers a CONNECT that could not be read, as far as its sender will understand.
 *
 * @param body from the protocol name on
 */
export function refuseMalformedConnect(core: BrokerCore, flow: Flow, body: Uint8Array, error: unknown): void {
  if (!(error instanceof PacketError)) return;
  // Two bytes of length, the name, the level.
  const nameLength = body.length < 2 ? 0 : (body[0] << 8) | body[1];
  const level = body.length > 2 + nameLength ? body[2 + nameLength] : 0;
  if (error.reasonCode === ReasonCode.UNSUPPORTED_PROTOCOL_VERSION) {
    // [MQTT-3.1.2-2]: in the form that a client of that level reads.
    if (nameLength !== 4 && nameLength !== 6) return;
    flow.session.version = level > 5 && nameLength === 4 ? 5 : 4;
  } else {
    // MQTT 3.1.1 closes without a word where CONNECT is malformed. [MQTT-3.1.4-1]
    if (level !== 5) return;
    flow.session.version = 5;
  }
  refuseConnect(core, flow, error.reasonCode, error.message);
}

/** [MQTT-3.1.4-2], [MQTT-3.2.2-7] */
function refuseConnect(core: BrokerCore, flow: Flow, reasonCode: number, reasonString: string): void {
  const fields: ConnackFields = { sessionPresent: false, reasonCode, reasonString };
  flow.queue.pushReply(encodeConnack(fields, flow.session.version));
  core.markReady(flow);
  core.counters.connectionsRefused++;
}

/** The will of a session that ends now. */
export function willMessage(will: ReceivedWill, session: Session, now: number): Message {
  return new Message(
    {
      topic: will.topic,
      topicBytes: encodeUtf8(will.topic),
      payload: will.payload,
      qos: Math.min(will.qos, 1),
      retain: will.retain,
      properties: will.properties,
      // Counted from the publication (MQTT 5 §3.1.3.2.4).
      expiresAt: will.messageExpiryInterval === -1 ? Infinity : now + will.messageExpiryInterval * 1000,
    },
    session,
  );
}

/** @returns what takes the place of the client's keep-alive, undefined when its own is fine. Seconds. */
function overrideOf(serverKeepAlive: number, keepAlive: number): number | undefined {
  if (serverKeepAlive === 0) return undefined;
  return keepAlive === 0 || keepAlive > serverKeepAlive ? serverKeepAlive : undefined;
}

function drawClientId(core: BrokerCore): string {
  const bytes = new Uint8Array(10);
  core.random.fillPublic(bytes);
  return `mquictt-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
