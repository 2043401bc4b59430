/**
 * The client's side of the handshake: RFC 8446 §2 with the changes of RFC 9001 §4 and §8.
 *
 *     start()
 *        |  ClientHello ->
 *     WaitServerHello --- HelloRetryRequest ---> WaitServerHelloAfterRetry
 *        | <- ServerHello                           |
 *     WaitEncryptedExtensions <---------------------+
 *        |                        \
 *        |                         \ the session is resumed: no certificates
 *     WaitCertificateOrRequest ---- | --- CertificateRequest ---> WaitCertificate
 *        | Certificate              |                                |
 *     WaitCertificateVerify <------ | -------------------------------+
 *        |                          |
 *     judge-peer-chain, if wanted   |
 *        |                          |
 *     WaitServerFinished <----------+
 *        |
 *     choose-certificate, if asked and 'wait'
 *        |  Certificate, CertificateVerify, Finished ->
 *     ClientConnected <- NewSessionTicket
 */
import { parseServerName } from './certificates/names.ts';
import { sendClientHello, type SentClientHello } from './client/hello.ts';
import { offerSession } from './client/offered-session.ts';
import type { ClientContext } from './client/client-context.ts';
import { WaitServerHello } from './client/wait-server-hello.ts';
import type { ClientConfig, ClientHandshakeOptions } from './config.ts';
import { EncryptionLevel } from './handshake.ts';
import { HandshakeMachine, invalidState } from './handshake-machine.ts';
import { KeyLogger } from './key-log.ts';
import { RANDOM_LENGTH } from './messages/client-hello.ts';
import { checkOpaqueExtensions, clientSettings, type ClientSettings } from './settings.ts';

export class ClientHandshake extends HandshakeMachine {
  readonly isClient: boolean = true;
  readonly #settings: ClientSettings;
  /** Undefined once it has been used, since it may hold a secret. */
  #options: ClientHandshakeOptions | undefined;

  /** @throws TlsError ERR_TLS_CONFIG */
  constructor(config: ClientConfig, options: ClientHandshakeOptions) {
    super();
    this.#settings = clientSettings(config);
    checkOpaqueExtensions(options.extensions);
    // What no certificate could carry fails now rather than when the server's has come.
    parseServerName(options.serverName);
    this.#options = options;
  }

  start(unixTime: number): void {
    this.checkUsable();
    const settings = this.#settings;
    const options = this.#options;
    if (options === undefined) throw invalidState('start() was called before');
    this.#options = undefined;
    this.guard(() => {
      const random = new Uint8Array(RANDOM_LENGTH);
      settings.random.fillPublic(random);
      const { serverName, extensions } = options;
      const keyLogger = new KeyLogger(settings.keyLog, random);
      const context: ClientContext = { settings, serverName, extensions, random, keyLogger, output: this.output };
      const session = settings.refuseTickets
        ? undefined
        : offerSession(settings, options.session, serverName, unixTime);
      const isEarlyDataOffered =
        options.earlyData === true &&
        session !== undefined &&
        session.session.maxEarlyDataSize > 0 &&
        // RFC 8446 §4.2.10: early data speaks the session's protocol, which has to be on offer still.
        (session.session.alpnProtocol === '' || settings.alpnProtocols.includes(session.session.alpnProtocol));
      const shares = settings.provider.generateKeyShares(settings.keyShareGroups, settings.random);
      const sent = sendClientHello(context, { shares, session, isEarlyDataOffered }, unixTime, (truncated, { suite }) =>
        settings.provider.hash(suite.hash, truncated),
      );
      if (isEarlyDataOffered) startEarlyData(context, sent);
      this.resume(new WaitServerHello(context, sent));
    });
  }
}

function startEarlyData({ settings, output, keyLogger }: ClientContext, { session, message }: SentClientHello): void {
  if (session === undefined) return;
  const { suite, schedule } = session;
  const transcriptHash = settings.provider.hash(suite.hash, message);
  keyLogger.early(schedule, transcriptHash);
  const secret = schedule.clientEarlyTrafficSecret(transcriptHash);
  output.emit({ type: 'write-secret', level: EncryptionLevel.EARLY, suite, secret });
}
