/** Which path a datagram came on, and following a peer that has moved (RFC 9000 §9). */
import type { ConnectionContext } from './connection-context.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import { Path } from './path.ts';

/** The path of datagram i. Another address than the connection's gets a candidate path, of which there is at most one. */
export function pathOf(context: ConnectionContext, batch: DatagramBatch, i: number): Path {
  const socket = batch.socket[i]!;
  const address = batch.address[i]!;
  const port = batch.port[i]!;
  if (context.path.isSame(socket, address, port)) return context.path;
  if (context.candidatePath?.isSame(socket, address, port) === true) return context.candidatePath;
  if (context.fallbackPath?.isSame(socket, address, port) === true) return context.fallbackPath;
  // Not yet adopted: whether anything authentic comes from there is not known.
  return new Path(socket, address, port, false);
}

/** RFC 9000 §9.3: a non-probing packet with the highest number came from elsewhere, so the peer is there now. */
export function followPeer(context: ConnectionContext, path: Path, now: number): void {
  // RFC 9000 §9: servers do not move without a preferred address, and nobody moves before the handshake is confirmed.
  if (context.isClient || !context.isHandshakeConfirmed) return;
  const old = context.path;
  if (context.candidatePath === path) context.candidatePath = undefined;
  if (old.isValidated) {
    context.fallbackPath = old;
    // RFC 9000 §9.3.3: if the packet was forwarded by somebody, the peer is still where it was and will tell.
    old.challengeOnce(context.random);
  }
  path.isOtherHost = path.address !== old.address;
  context.path = path;
  context.peerIds.rotate();
  if (path.isValidated) context.fallbackPath = undefined;
  else path.startValidation(context.random, now, context.pto);
  context.recovery.setAmplificationBlocked(false);
}
