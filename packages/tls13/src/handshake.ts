/**
 * The handshake as its carrier sees it: what QUIC (or any other transport of handshake messages) calls and is told.
 *
 * RFC 8446 with the changes of RFC 9001 §4 and §8: no record layer, no ChangeCipherSpec, no EndOfEarlyData, no
 * KeyUpdate, an empty legacy_session_id. The transport's own parameters travel as an extension that is opaque here.
 */
import type { CipherSuite } from './cipher-suites.ts';
import type { CertificateOffer, Credential, PeerChain } from './config.ts';
import type { TlsError } from './errors.ts';
import type { ClientSession } from './sessions/client-session.ts';
import type { ServerSession } from './sessions/server-session.ts';

/** Encryption levels in the order they come up (RFC 9001 §2.1). EARLY is the 0-RTT level. */
export const EncryptionLevel = { INITIAL: 0, EARLY: 1, HANDSHAKE: 2, APPLICATION: 3 } as const;
export type EncryptionLevel = (typeof EncryptionLevel)[keyof typeof EncryptionLevel];

/** An extension the handshake carries without looking into it. */
export interface OpaqueExtension {
  readonly type: number;
  readonly data: Uint8Array;
}

/**
 * What a handshake tells its carrier, in the order in which the carrier must act:
 *
 * - `send`: handshake bytes to carry to the peer at `level`, after all earlier bytes of that level.
 * - `read-secret` / `write-secret`: a traffic secret of RFC 8446 §7.1 with its suite. The carrier expands it into keys.
 * - `peer-extension`: the peer's opaque extension. It is authenticated only once `complete` has come (RFC 9001 §8.2).
 * - `choose-certificate`, `look-up-ticket`: the configuration's chooser or tickets said 'wait'; the handshake waits until `provideCredential()` or
 *   `provideSession()`.
 * - `judge-peer-chain`: the peer's certificates, already verified as configured, and the peer has proved that it holds the key; the handshake waits
 *   until `acceptPeerChain()` or `rejectPeerChain()`. Comes only where the configuration asks for it, and not for a resumed session, whose
 *   peer has been judged.
 * - `early-data`: of a client that offered it, and of a server that was offered it: whether it is accepted. What a client sent early and was refused is
 *   lost; a server's early `read-secret` comes right before its `accepted`. Early data may be a replay (RFC 8446 §8).
 * - `complete`: our Finished has been sent and the peer's verified (RFC 9001 §4.1.1).
 * - `session`: a client can resume this connection with it, after `complete`.
 */
export type HandshakeEvent =
  | { readonly type: 'send'; readonly level: EncryptionLevel; readonly data: Uint8Array }
  | {
      readonly type: 'read-secret' | 'write-secret';
      readonly level: EncryptionLevel;
      readonly suite: CipherSuite;
      readonly secret: Uint8Array;
    }
  | { readonly type: 'peer-extension'; readonly extensionType: number; readonly data: Uint8Array }
  | { readonly type: 'choose-certificate'; readonly offer: CertificateOffer }
  | { readonly type: 'look-up-ticket'; readonly ticket: Uint8Array }
  | ({ readonly type: 'judge-peer-chain' } & PeerChain)
  | { readonly type: 'early-data'; readonly isAccepted: boolean }
  | {
      readonly type: 'complete';
      /** Empty where none was agreed on, which QUIC does not allow. */
      readonly alpnProtocol: string;
      readonly serverName: string | undefined;
      readonly isResumed: boolean;
      /** Of a server: what its application called the client, now or when the resumed session began. */
      readonly peerIdentity: string | undefined;
    }
  | { readonly type: 'session'; readonly session: ClientSession };

/**
 * One handshake in one role. Sans-IO: bytes come in through `handleMessages`, everything else goes out as events.
 *
 * Calls, in any order until it fails:
 *   start()                      a client writes its ClientHello; nothing for a server
 *   handleMessages(level, data)  in-order handshake bytes of one level; message boundaries need not match
 *   nextEvent()                  until undefined, after each of the calls above and below; a server writes the rest of its
 *                                flight here once the events of the ClientHello are taken, so it may throw a TlsError too
 *   acceptPeerChain() / rejectPeerChain(), provideCredential(), provideSession()   only after the event that asks for them; each handles
 *                                what has waited, so it throws what handleMessages() would have thrown
 *
 * `handleMessages` copies what it keeps: `data` may be a view that dies with the call. It throws a TlsError with the alert to send when the peer
 * is at fault; after that the handshake is dead. Bytes that come after `complete` (NewSessionTicket) are accepted at level APPLICATION and
 * bounded; a TLS KeyUpdate there is unexpected_message (RFC 9001 §6).
 */
export interface Handshake {
  readonly isClient: boolean;
  readonly isComplete: boolean;
  /** The negotiated suite, undefined until ServerHello. */
  readonly suite: CipherSuite | undefined;
  /** DER certificates of the peer, leaf first; empty until it has proved that they are its own, and where it has none. Of a resumed session: a client knows the chain, a server the leaf. */
  readonly peerCertificates: readonly Uint8Array[];
  /** DER OCSPResponse that came with them. It has not been looked at. */
  readonly peerOcspResponse: Uint8Array | undefined;
  start(unixTime: number): void;
  /** @param unixTime wall clock in milliseconds since 1970, for certificate validity. @throws TlsError */
  handleMessages(level: EncryptionLevel, data: Uint8Array, unixTime: number): void;
  nextEvent(): HandshakeEvent | undefined;
  /** @param identity what a server calls the client: it comes back in `complete`, and when the session is resumed. Up to 1,024 characters. */
  acceptPeerChain(identity?: string): void;
  rejectPeerChain(error: TlsError): void;
  /** @param credential undefined for none: a server then fails with handshake_failure, a client presents none */
  provideCredential(credential: Credential | undefined): void;
  /** @param session undefined for none: a full handshake follows */
  provideSession(session: ServerSession | undefined): void;
  /**
   * Secrets for the application that both sides know and nobody else (RFC 8446 §7.5, RFC 5705 §4).
   *
   * @param context up to 65,535 bytes; none is the same as an empty one
   * @param length bytes, up to 255 times the hash's
   * @throws TlsError ERR_TLS_INVALID_STATE before `complete`
   */
  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array;
}

/** Receives one line of the SSLKEYLOGFILE format, without line end. Secrets: for debugging only. */
export type KeyLog = (line: string) => void;
