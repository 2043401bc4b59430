/**
 * The server's side of the handshake: RFC 8446 §2 with the changes of RFC 9001 §4 and §8.
 *
 *     WaitClientHello --- HelloRetryRequest ---> WaitSecondClientHello
 *        | <- ClientHello                           |
 *     look-up-ticket, choose-certificate, where 'wait' is the answer
 *        |  ServerHello ->                          |
 *     WriteServerFlight <---------------------------+
 *        |  EncryptedExtensions ... Finished ->
 *     WaitEndOfEarlyData, where early data was accepted and the carrier is not QUIC
 *        |
 *     WaitClientCertificate, where asked for and no session is resumed
 *        | <- Certificate
 *     WaitClientCertificateVerify
 *        | <- CertificateVerify
 *     judge-peer-chain, if wanted
 *        |
 *     WaitClientFinished
 *        | <- Finished
 *     ServerConnected  NewSessionTicket ->
 */
import type { ServerConfig, ServerHandshakeOptions } from './config.ts';
import type { HandshakeEvent, OpaqueExtension } from './handshake.ts';
import { HandshakeMachine, invalidState } from './handshake-machine.ts';
import { MAX_EARLY_DATA_CONTEXT } from './limits.ts';
import { WaitClientHello } from './server/wait-client-hello.ts';
import { WriteServerFlight } from './server/write-server-flight.ts';
import { checkOpaqueExtensions, configError, serverSettings } from './settings.ts';

export class ServerHandshake extends HandshakeMachine {
  readonly isClient: boolean = false;
  #extensions: readonly OpaqueExtension[];
  #isFlightWritten = false;

  /** @throws TlsError ERR_TLS_CONFIG */
  constructor(config: ServerConfig, options: ServerHandshakeOptions) {
    super();
    const settings = serverSettings(config);
    checkOpaqueExtensions(options.extensions);
    this.#extensions = options.extensions;
    const extensionTypes = options.extensions.map((extension) => extension.type);
    const { earlyDataContext = new Uint8Array(0) } = options;
    if (earlyDataContext.length > MAX_EARLY_DATA_CONTEXT)
      throw configError(
        `earlyDataContext has ${earlyDataContext.length} bytes, expected ${MAX_EARLY_DATA_CONTEXT} at most`,
      );
    this.advanceTo(new WaitClientHello({ settings, extensionTypes, earlyDataContext, output: this.output }));
  }

  /** A server starts with the client's first message: nothing to do. */
  start(_unixTime: number): void {}

  /**
   * Replaces the extensions for EncryptedExtensions, e.g. once the client's have come as `peer-extension`. Possible until
   * the carrier has taken the last event that the ClientHello brought.
   *
   * @throws TlsError ERR_TLS_INVALID_STATE when the flight has been written, ERR_TLS_CONFIG where they cannot be sent; neither changes anything
   */
  setExtensions(extensions: readonly OpaqueExtension[]): void {
    this.checkUsable();
    if (this.#isFlightWritten) throw invalidState('EncryptedExtensions has been written');
    checkOpaqueExtensions(extensions);
    this.#extensions = extensions;
  }

  /** @throws TlsError when our flight cannot be signed */
  override nextEvent(): HandshakeEvent | undefined {
    const event = super.nextEvent();
    const { state } = this;
    if (event !== undefined || !(state instanceof WriteServerFlight)) return event;
    this.guard(() => {
      this.#isFlightWritten = true;
      this.resume(state.write(this.#extensions));
    });
    return super.nextEvent();
  }
}
