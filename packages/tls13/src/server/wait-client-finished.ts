/** Our flight is out: the client's Finished completes the handshake (RFC 8446 §4.4.4), and tickets follow it (§4.6.1). */
import { checkFinished } from '../authentication/proof-of-key.ts';
import { EncryptionLevel } from '../handshake.ts';
import type { HandshakeState } from '../handshake-machine.ts';
import type { MasterSchedule } from '../key-schedule.ts';
import { HandshakeType, type HandshakeMessage } from '../messages/handshake-message.ts';
import { ServerConnected } from './connected.ts';
import { issueTickets } from './issue-tickets.ts';
import type { Peer, ServerContext, ServerKeys } from './server-context.ts';

export class WaitClientFinished implements HandshakeState {
  readonly level: EncryptionLevel = EncryptionLevel.HANDSHAKE;
  readonly expects: readonly number[] = [HandshakeType.FINISHED];
  readonly #context: ServerContext;
  readonly #keys: ServerKeys;
  readonly #master: MasterSchedule;
  readonly #peer: Peer;

  constructor(context: ServerContext, keys: ServerKeys, master: MasterSchedule, peer: Peer) {
    this.#context = context;
    this.#keys = keys;
    this.#master = master;
    this.#peer = peer;
  }

  handle(message: HandshakeMessage, unixTime: number): HandshakeState {
    const { negotiated, transcript, schedule, session } = this.#keys;
    const { suite, alpnProtocol, serverName } = negotiated;
    const { settings, output } = this.#context;
    const master = this.#master;
    checkFinished(message.body, 'client', schedule.clientVerifyData(transcript.digest()));
    transcript.add(message.raw);
    if (session?.peerCertificate !== undefined) output.setPeer([session.peerCertificate], undefined);

    const level = EncryptionLevel.APPLICATION;
    output.emit({ type: 'read-secret', level, suite, secret: master.clientTrafficSecret });
    output.setExporter({ provider: settings.provider, suite, secret: master.exporterSecret() });
    const isResumed = session !== undefined;
    output.emit({ type: 'complete', alpnProtocol, serverName, isResumed, peerIdentity: this.#peer.identity });
    if (settings.resumption !== undefined && negotiated.takesTickets)
      issueTickets(this.#context, negotiated, master.resumptionSecret(transcript.digest()), this.#peer, unixTime);
    return new ServerConnected();
  }
}
