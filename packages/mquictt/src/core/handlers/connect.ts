/** CONNECT (MQTT 5 §3.1.4): who may come in, and what they are told. Finding out who somebody is may take its time, and is not done here. */
import { PacketError } from '../../errors.ts';
import { MAX_CLIENT_IDENTIFIER_LENGTH, MAX_SESSIONS } from '../../limits.ts';
import { encodeConnack } from '../../packets/codec.ts';
import type { ConnackFields, ConnectPacket } from '../../packets/codec.ts';
import { isSystemTopic } from '../../packets/topics.ts';
import { encodeUtf8 } from '../../packets/utf8.ts';
import { ReasonCode } from '../../reason-codes.ts';
import type { BrokerCore } from '../broker-core.ts';
import { announced } from '../capabilities.ts';
import type { Channel } from '../channel.ts';
import { ConnectRequest } from '../connect-request.ts';
import type { AuthenticationResult, Principal } from '../permissions.ts';
import { recheckSession } from '../recheck.ts';

/** What a session expiry interval of 0xFFFFFFFF means: never. */
const NO_EXPIRY = 0xffff_ffff;

/** @throws PacketError: the connection ends */
export function handleConnect(core: BrokerCore, channel: Channel, packet: ConnectPacket, now: number): void {
  const { connection } = channel;
  const { capabilities } = core;
  const version = packet.protocolVersion;
  connection.version = version;
  connection.maximumPacketSize = packet.maximumPacketSize;
  connection.topicAliasMaximum = Math.min(packet.topicAliasMaximum, capabilities.outgoingTopicAliases);
  connection.requestProblemInformation = packet.requestProblemInformation;
  const refuse = (reasonCode: ReasonCode, message: string): never => {
    refuseConnect(core, channel, reasonCode, message);
    throw new PacketError(reasonCode, message);
  };

  // 1. What we cannot do.
  if (packet.authenticationMethod !== undefined)
    refuse(ReasonCode.BAD_AUTHENTICATION_METHOD, 'Enhanced authentication is not supported'); // [MQTT-4.12.0-1]
  const will = packet.will;
  if (will !== undefined && will.qos > capabilities.maximumQos)
    refuse(ReasonCode.QOS_NOT_SUPPORTED, `The will has QoS ${will.qos}, more than ${capabilities.maximumQos}`); // [MQTT-3.2.2-12]
  if (will?.retain === true && !capabilities.retainAvailable)
    refuse(ReasonCode.RETAIN_NOT_SUPPORTED, 'The will is to be retained, which is not supported'); // [MQTT-3.2.2-13]
  if (will !== undefined && isSystemTopic(will.topic))
    refuse(ReasonCode.NOT_AUTHORIZED, 'The will has a topic on which only the broker publishes');

  // 2. Who it is.
  let clientId = packet.clientId;
  const isAssigned = clientId === '';
  if (isAssigned) {
    // [MQTT-3.1.3-8] of MQTT 3.1.1
    if (version < 5 && !packet.cleanStart)
      refuse(ReasonCode.CLIENT_IDENTIFIER_NOT_VALID, 'A client without identifier wants to keep its session');
    clientId = drawClientId(core); // [MQTT-3.1.3-6]
  } else if (encodeUtf8(clientId).length > MAX_CLIENT_IDENTIFIER_LENGTH) {
    refuse(
      ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
      `The client identifier is longer than ${MAX_CLIENT_IDENTIFIER_LENGTH} bytes`,
    );
  }

  core.admit(new ConnectRequest(channel, packet, clientId, isAssigned), now);
}

/**
 * The client is known, or refused.
 *
 * @throws PacketError: the connection ends
 */
export function finishConnect(
  core: BrokerCore,
  request: ConnectRequest,
  result: AuthenticationResult,
  now: number,
): void {
  const { channel, packet, clientId, isAssigned } = request;
  const { connection } = channel;
  const { capabilities } = core;
  const { will } = packet;
  const version = packet.protocolVersion;
  const refuse = (reasonCode: ReasonCode, message: string): never => {
    refuseConnect(core, channel, reasonCode, message);
    throw new PacketError(reasonCode, message);
  };
  if (typeof result === 'number') {
    refuse(result, 'The client is not let in');
    return;
  }
  connection.identity = result.name;
  connection.lastReceived = now;
  connection.validUntil = now + (result.validFor ?? Infinity);
  const principal: Principal = { identity: result.name, clientId, permissions: result.permissions };
  const permissions = core.permissionsOf(principal);
  if (will !== undefined && permissions?.mayPublish(will.topic, will.retain) === false)
    refuse(ReasonCode.NOT_AUTHORIZED, 'The client may not publish its will');

  // 3. Whether the session is theirs. Nobody's session may be ended by somebody, or names could be squatted on, but is not given away.
  const former = core.sessions.get(clientId);
  const isForeign = former !== undefined && former.identity !== connection.identity;
  if (isForeign && former.identity !== undefined)
    refuse(ReasonCode.NOT_AUTHORIZED, 'The session of this client identifier belongs to somebody else');

  // 4. Whether there is room. Who comes back for what waits makes room.
  if (former === undefined && (core.sessions.size >= MAX_SESSIONS || core.isOverloaded))
    refuse(ReasonCode.QUOTA_EXCEEDED, 'The broker holds as many sessions or messages as it can');
  const isReplacing = former?.connection !== undefined && !isForeign;
  if (
    result.name !== undefined &&
    core.connectionsOf(result.name) - (isReplacing ? 1 : 0) >= core.limits.maxConnectionsPerIdentity
  )
    refuse(ReasonCode.QUOTA_EXCEEDED, 'There are as many clients with this identity as there may be');

  const { changeCount } = core;

  // 5. Whoever has that name goes. [MQTT-3.1.4-3]
  if (former?.connection !== undefined)
    core.disconnect(
      former.connection,
      ReasonCode.SESSION_TAKEN_OVER,
      'Another connection took over the client identifier',
      now,
    );

  // 6. The session: the one that is kept, or a new one. [MQTT-3.1.2-4], [MQTT-3.1.2-5], [MQTT-3.1.2-6]
  let session = core.sessions.get(clientId);
  // Its connection was not broken by the client, but by the broker's own end.
  if (session?.isInterrupted === true && !isForeign) session.will = undefined;
  if (session !== undefined && (packet.cleanStart || isForeign || session.expiryInterval === 0)) {
    core.sessions.end(session, now);
    session = undefined;
  }
  const sessionPresent = session !== undefined; // [MQTT-3.2.2-2], [MQTT-3.2.2-3]
  session ??= core.sessions.begin(clientId, connection);
  const asked = askedExpiry(packet);
  const granted = Math.min(asked, capabilities.maxSessionExpiry);
  connection.clientId = clientId;
  connection.sessionExpiryInterval = granted;
  core.accept(connection, now);
  const serverKeepAlive = overrideOf(capabilities.serverKeepAlive, packet.keepAlive);
  connection.patience = (serverKeepAlive ?? packet.keepAlive) * 1500;
  core.setDeadline(connection, now);
  session.principal = principal;
  session.permissions = permissions;
  core.sessions.connect(session, connection, packet.receiveMaximum, granted, will);
  if (sessionPresent) recheckSession(core, session, now);

  // 7. The answer, which is the first packet they get. [MQTT-3.2.0-1]
  const fields: ConnackFields = {
    sessionPresent,
    reasonCode: ReasonCode.SUCCESS,
    // What is not said is as it was asked for (MQTT 5 §3.2.2.3.2).
    ...(granted === asked ? {} : { sessionExpiryInterval: granted }),
    ...announced(capabilities),
    ...(isAssigned ? { assignedClientIdentifier: clientId } : {}), // [MQTT-3.2.2-16]
    ...(serverKeepAlive === undefined ? {} : { serverKeepAlive }), // [MQTT-3.2.2-21]
  };
  core.reply(channel, encodeConnack(fields, version, connection));
  channel.holdEverything(changeCount);
  const { remote, peerIdentity, identity } = connection;
  const names = {
    ...(peerIdentity === undefined ? {} : { peerIdentity }),
    ...(identity === undefined || identity === peerIdentity ? {} : { identity }),
  };
  core.log('info', 'A client connected', { remote, clientId, version, sessionPresent, ...names });
}

/**
 * Answers a CONNECT that could not be read, as far as its sender will understand.
 *
 * @param body from the protocol name on
 */
export function refuseMalformedConnect(core: BrokerCore, channel: Channel, body: Uint8Array, error: unknown): void {
  if (!(error instanceof PacketError)) return;
  // Two bytes of length, the name, the level.
  const nameLength = body.length < 2 ? 0 : (body[0] << 8) | body[1];
  const level = body.length > 2 + nameLength ? body[2 + nameLength] : 0;
  if (error.reasonCode === ReasonCode.UNSUPPORTED_PROTOCOL_VERSION) {
    // [MQTT-3.1.2-2]: in the form that a client of that level reads.
    if (nameLength !== 4 && nameLength !== 6) return;
    channel.connection.version = level > 5 && nameLength === 4 ? 5 : 4;
  } else {
    // MQTT 3.1.1 closes without a word where CONNECT is malformed. [MQTT-3.1.4-1]
    if (level !== 5) return;
    channel.connection.version = 5;
  }
  refuseConnect(core, channel, error.reasonCode, error.message);
}

/** [MQTT-3.1.4-2], [MQTT-3.2.2-7] */
function refuseConnect(core: BrokerCore, channel: Channel, reasonCode: number, reasonString: string): void {
  const fields: ConnackFields = { sessionPresent: false, reasonCode, reasonString }; // [MQTT-3.2.2-6]
  channel.output.pushReply(encodeConnack(fields, channel.connection.version, channel.connection));
  core.markReady(channel);
  core.counters.connectionsRefused++;
}

/** @returns seconds, Infinity = as long as we like. Before MQTT 5 a session that is not clean has no end (MQTT 3.1.1 §3.1.2.4). */
function askedExpiry(packet: ConnectPacket): number {
  if (packet.protocolVersion < 5) return packet.cleanStart ? 0 : Infinity;
  return secondsOf(packet.sessionExpiryInterval);
}

/** @param sessionExpiryInterval as on the wire. @returns seconds, Infinity = never */
export function secondsOf(sessionExpiryInterval: number): number {
  return sessionExpiryInterval === NO_EXPIRY ? Infinity : sessionExpiryInterval;
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
