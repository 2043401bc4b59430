/**
 * Every bound that a peer could push against, in one place, with the attack or the exhaustion that it stops. Bytes, ms or counts as named.
 */

/** RFC 9000 §14.1: no path that carries QUIC has a smaller UDP payload; Initial datagrams are padded to it. */
export const MIN_DATAGRAM_SIZE = 1200;
/** A packet is begun only where it could carry something of use, bytes. */
export const MIN_PACKET_ROOM = 100;
/** The largest UDP payload over IPv4 (RFC 9000 §18.2 allows to announce 65527). */
export const MAX_UDP_PAYLOAD = 65_527;
/** RFC 9000 §8.1: bytes a server may send per byte received before the client's address is validated, or it would amplify floods. */
export const AMPLIFICATION_FACTOR = 3;
/** RFC 9000 §17.2: longer connection IDs are not version 1. */
export const MAX_CONNECTION_ID_LENGTH = 20;
/** RFC 9000 §7.2: a client's first destination connection ID is at least this long, or its keys could be guessed off path. */
export const MIN_INITIAL_DCID_LENGTH = 8;
/** Handshake bytes out of order that one level keeps: a flood of CRYPTO frames at high offsets must not grow memory. */
export const CRYPTO_WINDOW = 65_536;
/**
 * Handshake bytes of the Initial level altogether: somebody who has proved nothing must not have a server collect them for each half-open connection. An honest
 * ClientHello has up to 2 KiB with a post-quantum key share, some more with a ticket, and comes twice at the most.
 */
export const MAX_INITIAL_CRYPTO = 32_768;
/** Datagram fragments (out-of-order pieces) kept per stream: many tiny gaps would cost more than their bytes. */
export const MAX_STREAM_GAPS = 1_000;
/** The same for the CRYPTO stream of one level. */
export const MAX_CRYPTO_GAPS = 64;
/** Ranges of received packet numbers remembered and acknowledged: skipping packet numbers must not grow the list. */
export const MAX_ACK_RANGES = 64;
/** Packets without keys yet that wait, and their bytes: a peer can send any number before the handshake (CVE-2025-59530). */
export const MAX_UNDECRYPTABLE_PACKETS = 10;
export const MAX_UNDECRYPTABLE_BYTES = 16_384;
/** Longest Retry token that a client obeys: it goes into each Initial, which must keep room for the ClientHello. Bytes. */
export const MAX_TOKEN_LENGTH = 700;
/** Connection IDs of ours that a peer may hold at once, whatever it announces. */
export const MAX_ISSUED_CONNECTION_IDS = 4;
/** active_connection_id_limit we announce: IDs of the peer that we keep. */
export const ACTIVE_CONNECTION_ID_LIMIT = 4;
/** RETIRE_CONNECTION_ID waiting to be sent or acknowledged: NEW_CONNECTION_ID floods with withheld ACKs (CVE-2024-22189) end the connection. */
export const MAX_PENDING_RETIREMENTS: number = 3 * ACTIVE_CONNECTION_ID_LIMIT;
/** Ranges of retired sequence numbers remembered. An honest peer counts them up, which makes one range; gaps must not grow the list. */
export const MAX_RETIRED_RANGES = 16;
/** PATH_CHALLENGE answers waiting; the newest win, none is resent (CVE-2023-49295). */
export const MAX_PATH_RESPONSES = 4;
/** Challenges of ours per path that may still be answered: they double their distance until validation fails, so that no more are needed. */
export const MAX_PATH_CHALLENGES = 4;
/** Packets sealed with one AES-GCM key before AEAD_LIMIT_REACHED (RFC 9001 §6.6). */
export const CONFIDENTIALITY_LIMIT: number = 2 ** 23;
/** Forged packets with one connection before AEAD_LIMIT_REACHED: 2^52 GCM, 2^36 ChaCha20; the smaller serves both (RFC 9001 §6.6). */
export const INTEGRITY_LIMIT: number = 2 ** 36;
/** Packets after which we start a key update ourselves: well before CONFIDENTIALITY_LIMIT, so that lost updates can be tried again. */
export const KEY_UPDATE_INTERVAL: number = 2 ** 21;
/** Packet numbers from the oldest in flight to the newest sent: older ones are given up as lost, and nothing new is sent beyond it. */
export const MAX_SENT_PACKETS = 65_536;
/** Records of packets that only acknowledged: a peer that never acknowledges those would make them pile up (CVE-2026-63075). */
export const MAX_ACK_ONLY_PACKETS = 1_024;
/** Packet numbers left out on purpose that are remembered, to notice a peer that acknowledges what it never got. */
export const MAX_SKIPPED_PACKET_NUMBERS = 16;
/** Exponent at which PTO backoff stops growing, so that a deadline stays finite. */
export const MAX_PTO_BACKOFF = 10;
/** Probes of one handshake that go out before their timeout because of what the peer sent (RFC 9002 §6.2.3): each costs up to two datagrams. */
export const MAX_HASTENED_PROBES = 2;
/** Streams of one kind that may be opened before the peer's limits are known: they are held here, and a peer that never answers must not make them pile up. */
export const MAX_EARLY_STREAMS = 1_024;
/** Reason phrases longer than this are cut. */
export const MAX_REASON_LENGTH = 256;
/** Connections at once, unless configured. */
export const MAX_CONNECTIONS = 65_536;
/** Handshakes at once, unless configured: each costs a key exchange and a signature. */
export const MAX_HALF_OPEN_CONNECTIONS = 1_024;
/** Answers to strangers (version negotiation, refusals, stateless resets) per second: they must not serve as a reflector. */
export const MAX_STRANGER_ANSWERS_PER_SECOND = 100;
/** Bytes that all receive windows of a connection together may gain by tuning: what a peer can make us hold beyond what is configured. */
export const MAX_TUNED_WINDOW = 16_777_216;
/** RFC 9000 §10.3: shorter datagrams are no stateless resets, and none is sent: it would not look like a packet. */
export const MIN_STATELESS_RESET_SIZE = 21;
