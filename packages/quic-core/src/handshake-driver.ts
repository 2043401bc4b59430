/**
 * The handshake inside a connection (RFC 9001 §4): CRYPTO bytes to TLS and back, secrets into keys, transport parameters into limits, and the
 * milestones complete, confirmed, keys discarded.
 */
import {
  Alert,
  ClientHandshake,
  equalBytes,
  EncryptionLevel,
  ServerHandshake,
  TlsError,
  type ClientConfig,
  type ClientSession,
  type Handshake,
  type ServerConfig,
} from '@mquictt/tls13';
import type { ConnectionContext } from './connection-context.ts';
import { QuicError, TransportError, TransportErrorCode } from './errors.ts';
import { FrameType } from './frames/frame-type.ts';
import { ACTIVE_CONNECTION_ID_LIMIT, MAX_UDP_PAYLOAD } from './limits.ts';
import type { PacketSpace } from './packet-space.ts';
import { derivePacketKeys, INITIAL_SUITE, initialSecrets } from './protection/keys.ts';
import { Space } from './recovery/spaces.ts';
import { earlyDataContext } from './remembered-parameters.ts';
import {
  decodeTransportParameters,
  DEFAULT_TRANSPORT_PARAMETERS,
  encodeTransportParameters,
  type TransportParameters,
} from './transport-parameters.ts';

/** Level of the CRYPTO frames of each packet number space. */
const LEVELS = [EncryptionLevel.INITIAL, EncryptionLevel.HANDSHAKE, EncryptionLevel.APPLICATION] as const;

function spaceOf(level: EncryptionLevel): Space {
  return level === EncryptionLevel.INITIAL
    ? Space.INITIAL
    : level === EncryptionLevel.HANDSHAKE
      ? Space.HANDSHAKE
      : Space.APPLICATION;
}

/** What a connection needs of TLS in its role. */
export type HandshakeConfig =
  | { readonly client: ClientConfig; readonly serverName: string; readonly session?: ClientSession | undefined }
  | { readonly server: ServerConfig };

export class HandshakeDriver {
  readonly #context: ConnectionContext;
  readonly handshake: Handshake;

  constructor(context: ConnectionContext, config: HandshakeConfig) {
    this.#context = context;
    const parameters = this.#localParameters();
    const type = context.version.transportParametersExtension;
    const extensions = [{ type, data: encodeTransportParameters(parameters, context.random) }];
    if ('client' in config) {
      const { client, serverName, session } = config;
      const options = { serverName, extensions, ...(session === undefined ? {} : { session }) };
      this.handshake = new ClientHandshake(client, options);
    } else {
      this.handshake = new ServerHandshake(config.server, {
        extensions,
        earlyDataContext: earlyDataContext(parameters),
      });
    }
    this.deriveInitialKeys(context.originalDestinationId.bytes);
  }

  /** Initial keys come from the client's choice of destination, or from the server's after a Retry (RFC 9001 §5.2). */
  deriveInitialKeys(destination: Uint8Array): void {
    const { provider, protector, version, isClient, spaces } = this.#context;
    const secrets = initialSecrets(provider, version, destination);
    const client = derivePacketKeys(provider, protector, version, INITIAL_SUITE, secrets.client);
    const server = derivePacketKeys(provider, protector, version, INITIAL_SUITE, secrets.server);
    const space = spaces[Space.INITIAL];
    space.readKeys = isClient ? server : client;
    space.writeKeys = isClient ? client : server;
  }

  start(): void {
    this.handshake.start(this.#context.unixTime());
    this.#drainEvents();
  }

  /**
   * CRYPTO bytes of a space have arrived.
   * @throws TransportError with the TLS alert as CRYPTO_ERROR, or what broke QUIC's own rules
   */
  handleCrypto(space: Space): void {
    const { spaces, unixTime } = this.#context;
    const crypto = spaces[space].crypto;
    asTransportErrors(space, () => {
      for (let data = crypto.read(); data !== undefined; data = crypto.read()) {
        this.handshake.handleMessages(LEVELS[space], data, unixTime());
        this.#drainEvents();
        if (spaces[space].isDiscarded) return;
      }
    });
  }

  /**
   * The application answers what the handshake has asked.
   * @throws QuicError ERR_QUIC_INVALID_STATE where it did not ask; TransportError as handleCrypto()
   */
  answer(give: (handshake: Handshake) => void): void {
    asTransportErrors(Space.HANDSHAKE, () => {
      give(this.handshake);
      this.#drainEvents();
    });
  }

  /** Keys of the Initial space go (RFC 9001 §4.9.1). */
  discardInitial(now: number): void {
    this.#discard(Space.INITIAL, now);
  }

  /** RFC 9001 §4.1.2: HANDSHAKE_DONE for the client; completion for the server. */
  confirm(now: number): void {
    const context = this.#context;
    if (context.isHandshakeConfirmed) return;
    context.isHandshakeConfirmed = true;
    context.handshakeDeadline = Infinity;
    context.recovery.setHandshakeState(true, true, true);
    this.#discard(Space.INITIAL, now);
    this.#discard(Space.HANDSHAKE, now);
    context.applicationKeys.prepareNext();
    const largest = Math.min(context.transport.maxDatagramSize, context.peerParameters!.maxUdpPayloadSize);
    context.setDatagramSize(largest);
  }

  #discard(index: Space, now: number): void {
    const context = this.#context;
    const space = context.spaces[index];
    if (space.isDiscarded) return;
    space.discard();
    context.recovery.discardSpace(index, now);
  }

  #drainEvents(): void {
    const context = this.#context;
    const { spaces, applicationKeys, provider, protector, version } = context;
    for (let event = this.handshake.nextEvent(); event !== undefined; event = this.handshake.nextEvent()) {
      switch (event.type) {
        case 'send':
          spaces[spaceOf(event.level)].crypto.write(event.data);
          break;
        case 'read-secret':
          if (event.level === EncryptionLevel.APPLICATION) {
            requireNoGap(spaces[Space.HANDSHAKE]);
            applicationKeys.setReadSecret(event.suite, event.secret);
          } else {
            requireNoGap(spaces[Space.INITIAL]);
            spaces[Space.HANDSHAKE].readKeys = derivePacketKeys(
              provider,
              protector,
              version,
              event.suite,
              event.secret,
            );
          }
          break;
        case 'write-secret':
          if (event.level === EncryptionLevel.APPLICATION) applicationKeys.setWriteSecret(event.suite, event.secret);
          else {
            spaces[Space.HANDSHAKE].writeKeys = derivePacketKeys(
              provider,
              protector,
              version,
              event.suite,
              event.secret,
            );
            context.recovery.setHandshakeState(true, false, false);
          }
          break;
        case 'peer-extension':
          this.#onPeerParameters(decodeTransportParameters(event.data, !context.isClient));
          break;
        case 'judge-peer-chain':
        case 'choose-certificate':
        case 'look-up-ticket':
        case 'session':
          context.pushEvent(event);
          break;
        case 'early-data':
          // Never offered, and refused where a client offers it: its 0-RTT packets are dropped.
          break;
        case 'complete':
          context.isHandshakeComplete = true;
          context.pushEvent({ ...event, type: 'connected' });
          context.localIds.fill(context.peerParameters!.activeConnectionIdLimit);
          if (!context.isClient) {
            context.isHandshakeDonePending = true;
            this.confirm(context.now);
          }
          break;
      }
    }
  }

  #localParameters(): TransportParameters {
    const { transport, isClient, localId, originalDestinationId, host } = this.#context;
    return {
      ...DEFAULT_TRANSPORT_PARAMETERS,
      maxIdleTimeout: transport.maxIdleTimeout,
      maxUdpPayloadSize: MAX_UDP_PAYLOAD,
      initialMaxData: transport.connectionReceiveWindow,
      initialMaxStreamDataBidiLocal: transport.streamReceiveWindow,
      initialMaxStreamDataBidiRemote: transport.streamReceiveWindow,
      initialMaxStreamDataUni: transport.streamReceiveWindow,
      initialMaxStreamsBidi: transport.maxBidirectionalStreams,
      initialMaxStreamsUni: transport.maxUnidirectionalStreams,
      maxAckDelay: transport.maxAckDelay,
      activeConnectionIdLimit: ACTIVE_CONNECTION_ID_LIMIT,
      initialSourceConnectionId: localId.bytes,
      originalDestinationConnectionId: isClient ? undefined : originalDestinationId.bytes,
      statelessResetToken: isClient ? undefined : host.statelessResetToken(localId),
    };
  }

  /** RFC 9000 §7.3: the connection IDs in the parameters must be those that were used, or somebody on the path has meddled. */
  #onPeerParameters(parameters: TransportParameters): void {
    const context = this.#context;
    requireId('initial_source_connection_id', parameters.initialSourceConnectionId, context.peerIds.active.bytes);
    if (context.isClient) {
      requireId(
        'original_destination_connection_id',
        parameters.originalDestinationConnectionId,
        context.originalDestinationId.bytes,
      );
      requireId('retry_source_connection_id', parameters.retrySourceConnectionId, context.retrySourceId?.bytes);
      if (parameters.statelessResetToken !== undefined) context.peerIds.setFirstToken(parameters.statelessResetToken);
    }
    context.peerParameters = parameters;
    context.streams.setPeerLimits(parameters);
    context.recovery.setMaxAckDelay(parameters.maxAckDelay);
  }
}

/** @throws TransportError with the TLS alert as CRYPTO_ERROR; a caller's mistake as QuicError ERR_QUIC_INVALID_STATE */
function asTransportErrors(space: Space, step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    if (error.code === 'ERR_TLS_INVALID_STATE') throw invalidState(error);
    // RFC 9001 §4.6.1: a ticket whose max_early_data_size is not QUIC's is a PROTOCOL_VIOLATION. The other rules for tickets name no code of QUIC's.
    if (space === Space.APPLICATION && error.alert === Alert.ILLEGAL_PARAMETER)
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, error.message, FrameType.CRYPTO);
    throw handshakeFailure(error);
  }
}

export function invalidState(error: TlsError): QuicError {
  return new QuicError('ERR_QUIC_INVALID_STATE', error.message, { fault: 'usage', cause: error });
}

/** A TLS failure on its way to CONNECTION_CLOSE (RFC 9001 §4.8). */
export function handshakeFailure(error: TlsError): TransportError {
  const errorCode = TransportErrorCode.CRYPTO_ERROR + error.alert;
  const options = { fault: error.fault, errorCode, frameType: FrameType.CRYPTO, cause: error };
  // What is wrong with our own configuration is not the peer's business; that it was refused, and why, is.
  const isOurs = error.fault === 'local' && error.code !== 'ERR_TLS_CERTIFICATE_REJECTED';
  return new TransportError(
    errorCode,
    isOurs ? '' : error.message,
    FrameType.CRYPTO,
    new QuicError('ERR_QUIC_TLS', error.message, options),
  );
}

/** RFC 9001 §4.1.3: a level's bytes end where the next level's keys come up. */
function requireNoGap({ crypto, index }: PacketSpace): void {
  if (!crypto.hasGap) return;
  throw new TransportError(
    TransportErrorCode.PROTOCOL_VIOLATION,
    `CRYPTO data beyond the end of the ${index === Space.INITIAL ? 'Initial' : 'Handshake'} level`,
    FrameType.CRYPTO,
  );
}

function requireId(name: string, got: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  const same = got === undefined || expected === undefined ? got === expected : equalBytes(got, expected);
  if (!same) {
    throw new TransportError(
      TransportErrorCode.TRANSPORT_PARAMETER_ERROR,
      `Transport parameter ${name} is not the connection ID in use`,
    );
  }
}
