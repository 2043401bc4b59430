/** What the handshake of a connection asks the application: whether a peer is welcome, and where to keep a session. */
import type { Connection, ConnectionEvent } from '@mquictt/quic-core';
import { Alert, TlsError, type ClientSession } from '@mquictt/tls13';
import type { SocketAddress } from './addresses.ts';
import { throwLater } from './errors.ts';
import type { JudgePeer } from './options.ts';

export interface HandshakeHooks {
  readonly judge?: JudgePeer | undefined;
  readonly onSession?: ((session: ClientSession) => void) | undefined;
}

type HandshakeQuestion = Extract<
  ConnectionEvent,
  { type: 'judge-peer-chain' | 'choose-certificate' | 'look-up-ticket' | 'session' }
>;

/** Answers an event of the handshake, now or when the application's promise settles. @param wake after an answer that came later */
export function answerHandshake(
  core: Connection,
  event: HandshakeQuestion,
  hooks: HandshakeHooks,
  remoteAddress: SocketAddress,
  wake: () => void,
): void {
  switch (event.type) {
    case 'judge-peer-chain':
      return judgePeer(core, event, hooks.judge, remoteAddress, wake);
    // Neither certificates nor tickets come from anywhere that has to be waited for.
    case 'choose-certificate':
      return core.provideCredential(undefined);
    case 'look-up-ticket':
      return core.provideSession(undefined);
    case 'session':
      try {
        hooks.onSession?.(event.session);
      } catch (error) {
        throwLater(error);
      }
  }
}

function judgePeer(
  core: Connection,
  { chain, path, ocspResponse }: Extract<ConnectionEvent, { type: 'judge-peer-chain' }>,
  judge: JudgePeer | undefined,
  remoteAddress: SocketAddress,
  wake: () => void,
): void {
  const accept = (identity: unknown): void => {
    if (identity !== undefined && identity !== null && typeof identity !== 'string')
      throw new TypeError(`judge expected to give a string or undefined, got ${typeof identity}`);
    core.acceptPeerChain(identity ?? undefined);
  };
  const reject = (error: unknown): void => core.rejectPeerChain(refusalOf(error));
  try {
    const verdict = judge?.({ chain, path, ocspResponse }, remoteAddress);
    if (typeof verdict !== 'object') return accept(verdict);
    Promise.resolve(verdict).then(accept).catch(reject).finally(wake);
  } catch (error) {
    reject(error);
  }
}

/** The peer can read the message of a TlsError; what any other error says is for our side alone. */
function refusalOf(error: unknown): TlsError {
  if (error instanceof TlsError) return error;
  return new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.ACCESS_DENIED, 'The certificate is not accepted here', {
    cause: error,
  });
}
