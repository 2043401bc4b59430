/**
 * Transport parameters from one connection to the next: what early data goes by before the server's new ones have come (RFC 9000 §7.4.1).
 *
 * Early data itself is left out so far; tickets carry what it will need.
 */
import type { ClientSession } from '@mquictt/tls13';
import { Writer } from './cursor.ts';
import { TransportError, TransportErrorCode } from './errors.ts';
import { decodeTransportParameters, type TransportParameters } from './transport-parameters.ts';
import type { QuicVersion } from './version.ts';

type Limit =
  | 'activeConnectionIdLimit'
  | 'initialMaxData'
  | 'initialMaxStreamDataBidiLocal'
  | 'initialMaxStreamDataBidiRemote'
  | 'initialMaxStreamDataUni'
  | 'initialMaxStreamsBidi'
  | 'initialMaxStreamsUni';
type Advice = 'maxIdleTimeout' | 'maxUdpPayloadSize' | 'disableActiveMigration';

/** RFC 9000 §7.4.1: a server that accepts early data must not reduce any of these. */
const LIMITS: readonly Limit[] = [
  'activeConnectionIdLimit',
  'initialMaxData',
  'initialMaxStreamDataBidiLocal',
  'initialMaxStreamDataBidiRemote',
  'initialMaxStreamDataUni',
  'initialMaxStreamsBidi',
  'initialMaxStreamsUni',
];

/**
 * The parameters of a server that hold for early data; it may reduce those of `Advice`, but should rather refuse early data. Not among them are those that a
 * client must not remember: ack_delay_exponent, max_ack_delay, the connection IDs, stateless_reset_token and preferred_address.
 */
export type RememberedParameters = Pick<TransportParameters, Limit | Advice>;

/** Layout of the bytes below: sessions of another one never match. */
const CONTEXT_FORM = 1;

/**
 * @param session of the connection that is to be resumed
 * @returns undefined where it came from a carrier that is not this version of QUIC
 */
export function rememberedParameters(session: ClientSession, version: QuicVersion): RememberedParameters | undefined {
  const extension = session.peerExtensions.find(({ type }) => type === version.transportParametersExtension);
  if (extension === undefined) return undefined;
  const parameters = decodeTransportParameters(extension.data, false);
  const { maxIdleTimeout, maxUdpPayloadSize, disableActiveMigration } = parameters;
  const limits = Object.fromEntries(LIMITS.map((name) => [name, parameters[name]]));
  return { ...(limits as Pick<TransportParameters, Limit>), maxIdleTimeout, maxUdpPayloadSize, disableActiveMigration };
}

/**
 * What a client checks when the server has accepted its early data: that nothing it may have sent is beyond the server's new limits.
 *
 * @throws TransportError PROTOCOL_VIOLATION
 */
export function checkNotReduced(remembered: RememberedParameters, current: TransportParameters): void {
  for (const name of LIMITS) {
    if (current[name] >= remembered[name]) continue;
    throw new TransportError(
      TransportErrorCode.PROTOCOL_VIOLATION,
      `Server accepted early data but reduced ${name} from ${remembered[name]} to ${current[name]}`,
    );
  }
}

/**
 * @param parameters of a server, now
 * @returns bytes that differ where anything differs that early data goes by: a server refuses it then (ServerHandshakeOptions.earlyDataContext), since
 *   the client would exceed limits that have shrunk
 */
export function earlyDataContext(parameters: TransportParameters): Uint8Array {
  const writer = new Writer().reset(new Uint8Array(96), 0, 96);
  writer.uint8(CONTEXT_FORM);
  for (const name of LIMITS) writer.varint(parameters[name]);
  writer.varint(parameters.maxIdleTimeout);
  writer.varint(parameters.maxUdpPayloadSize);
  writer.uint8(parameters.disableActiveMigration ? 1 : 0);
  return writer.buffer.slice(0, writer.position);
}
