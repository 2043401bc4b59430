/**
 * The client's side of the handshake: RFC 8446 §2 with the changes of RFC 9001 §4 and §8.
 *
 *     start()
 *        |  ClientHello ->
 *     WaitServerHello --- HelloRetryRequest ---> WaitServerHelloAfterRetry
 *        | <- ServerHello                           |
 *     WaitEncryptedExtensions <---------------------+
 *        |
 *     WaitCertificateOrRequest --- CertificateRequest ---> WaitCertificate
 *        | Certificate                                        |
 *     WaitCertificateVerify <---------------------------------+
 *        |
 *     JudgePeerChain, where asked for
 *        |
 *     WaitServerFinished
 *        |  Finished ->
 *     ClientConnected
 *
 * Left out: resumption, 0-RTT and client certificates.
 */
import { parseServerName } from './certificates/names.ts';
import { JudgePeerChain } from './client/judge-peer-chain.ts';
import { sendClientHello } from './client/hello.ts';
import { WaitServerHello } from './client/wait-server-hello.ts';
import type { ClientConfig, ClientHandshakeOptions } from './config.ts';
import type { TlsError } from './errors.ts';
import { HandshakeMachine, invalidState } from './handshake-machine.ts';
import { KeyLogger } from './key-log.ts';
import { RANDOM_LENGTH } from './messages/client-hello.ts';
import { checkOpaqueExtensions, clientSettings, type ClientSettings } from './settings.ts';

export class ClientHandshake extends HandshakeMachine {
  readonly isClient: boolean = true;
  readonly #settings: ClientSettings;
  readonly #options: ClientHandshakeOptions;

  /** @throws TlsError ERR_TLS_CONFIG */
  constructor(config: ClientConfig, options: ClientHandshakeOptions) {
    super();
    this.#settings = clientSettings(config);
    checkOpaqueExtensions(options.extensions);
    // What no certificate could carry fails now rather than when the server's has come.
    parseServerName(options.serverName);
    this.#options = options;
  }

  start(_unixTime: number): void {
    this.guard(() => {
      if (this.state !== undefined) throw invalidState('start() was called before');
      const settings = this.#settings;
      const random = new Uint8Array(RANDOM_LENGTH);
      settings.random.fillPublic(random);
      const context = {
        settings,
        serverName: this.#options.serverName,
        extensions: this.#options.extensions,
        random,
        keyLogger: new KeyLogger(settings.keyLog, random),
        output: this.output,
      };
      const shares = settings.provider.generateKeyShares(settings.keyShareGroups, settings.random);
      this.resume(new WaitServerHello(context, sendClientHello(context, shares)));
    });
  }

  /** @throws TlsError ERR_TLS_INVALID_STATE where nothing is to be judged, or what the messages that waited bring up */
  acceptPeerChain(): void {
    this.guard(() => this.resume(this.#judging().accepted));
  }

  /** Ends the handshake with `error`, which the carrier sends on as it would send one that was thrown. */
  rejectPeerChain(error: TlsError): void {
    this.guard(() => {
      this.#judging();
      this.fail(error);
    });
  }

  #judging(): JudgePeerChain {
    const { state } = this;
    if (!(state instanceof JudgePeerChain)) throw invalidState('There is no chain to judge');
    return state;
  }
}
