/** Every bound that a peer could push against, in one place, with the cost that it stops. Bytes, bits or counts as named. */

/**
 * The largest message body that is read, bytes. The format would allow 16 MiB (RFC 8446 §4), which a peer could make us collect before it has proved
 * anything.
 */
export const MAX_MESSAGE_LENGTH = 65_536;
/**
 * The cookie of a HelloRetryRequest, bytes: it comes back in the ClientHello, which it could make too large for itself. Those in use hold a hash and a MAC.
 */
export const MAX_COOKIE_LENGTH = 4_096;
/** Certificates in one message. Chains in use have two to four; more only cost signatures. Their size is bounded with the message's. */
export const MAX_CERTIFICATES = 10;
/** One certificate, bytes; those of the web have under 3 KiB. */
export const MAX_CERTIFICATE_SIZE = 65_536;
/** All certificates presented, bytes. */
export const MAX_CHAIN_SIZE = 65_536;
/** Certificates of a path, leaf and root included. */
export const MAX_PATH_LENGTH = 10;
/**
 * Signatures verified in the search for one path: each costs 0.1 ms (node) to 20 ms (noble, RSA-8192). A chain as long as they may be has nine; the
 * rest is for authorities with several keys under one name.
 */
export const MAX_SIGNATURE_CHECKS = 40;
/** Links between two certificates that are followed in that search, which cross-signed certificates could make exponential. */
export const MAX_PATH_STEPS = 200;
/** Paths that the report of a refused chain lists, each with up to ten certificates. */
export const MAX_REPORTED_PATHS = 16;
/** Pairs of a name and a constraint that are compared in that search: thousands of one against thousands of the other would take seconds. */
export const MAX_NAME_COMPARISONS = 100_000;
/** RSA keys, bits. Smaller ones are within reach of factoring. */
export const MIN_RSA_BITS = 2048;
/** A verification costs the square of the size; 8192 bits take noble 20 ms. */
export const MAX_RSA_BITS = 8192;
/** Elements of a certificate, and how deep they are nested: those of the web have hundreds, and ten levels. Each costs an object. */
export const MAX_DER_ELEMENTS = 8_192;
export const MAX_DER_DEPTH = 32;
/** An object identifier, bytes: the longest arcs in use, UUIDs, take 19. A number as long as a certificate would cost the square of that. */
export const MAX_OID_LENGTH = 64;
/** Parsed certificates that are kept, the oldest goes first. With the size that is worth keeping, 2 MiB of DER at the most. */
export const MAX_CACHED_CERTIFICATES = 256;
/** Bytes of a certificate that is kept parsed. */
export const MAX_CACHED_CERTIFICATE_SIZE = 8_192;
/** Good signatures that are remembered for each provider, the oldest goes first: 150 bytes each, so that one need not be checked at every handshake. */
export const MAX_CACHED_SIGNATURES = 1_024;
/** Identities of a ClientHello that are looked up: each costs a decryption, or a question to a store. Clients in use offer one or two. */
export const MAX_OFFERED_PSKS = 2;
/** Tickets of one connection that a client keeps; a server that sends more has them read and dropped. */
export const MAX_SESSIONS_PER_CONNECTION = 8;
/** Seven days, seconds (RFC 8446 §4.6.1). */
export const MAX_TICKET_LIFETIME = 604_800;
/** Tickets that a server may be configured to send. */
export const MAX_TICKET_COUNT = 8;
/** Bytes of early data that tickets allow where records carry it; QUIC has limits of its own (RFC 9001 §4.6.1). */
export const MAX_EARLY_DATA_SIZE = 16_384;
/** ServerHandshakeOptions.earlyDataContext, bytes: it goes into every ticket. */
export const MAX_EARLY_DATA_CONTEXT = 1_024;
/** Characters of what an application calls a peer: it goes into every ticket. */
export const MAX_PEER_IDENTITY = 1_024;
/** Names of roots in a CertificateRequest. With more of them (a system's list) none is sent: they would fill datagrams and help no one choose. */
export const MAX_SENT_AUTHORITIES = 16;
/** ms between the age that a client says its ticket has and the one that we see, either way, where early data is let in (RFC 8446 §8.3 calls it 10 seconds). */
export const MAX_TICKET_AGE_SKEW = 10_000;
/**
 * What a server keeps of one session, bytes encoded; it has most of 300, and a client's certificate has 500 to 2,000. It is stored, or travels in each
 * ClientHello that resumes. A larger one is not resumed.
 */
export const MAX_SERVER_SESSION_SIZE = 4_096;
/** What a client keeps of one session, bytes encoded: ticket, certificates and extensions are as large as the server likes. A larger one is not kept. */
export const MAX_CLIENT_SESSION_SIZE = 32_768;
/**
 * Tickets sealed with one key. Their nonces are random, and NIST SP 800-38D §8.3 allows 2^32 of those: a sixteenth lets sixteen servers share
 * a key. Then comes a new key, however fast clients connect.
 */
export const MAX_TICKETS_PER_KEY: number = 2 ** 28;
/** Keys that still open tickets; an hour each for seven days are 169. The oldest goes first. */
export const MAX_TICKET_KEYS = 256;
/**
 * Sessions in a `StoredTickets`, unless told: each client may have eight and never come back. 300 bytes each mostly, 400 MB where all are of the largest.
 * The oldest goes first.
 */
export const MAX_STORED_TICKETS = 100_000;
/**
 * Tickets that a `StrikeRegister` remembers of one window, and as many of the window before, unless told: 5,000 a second. Then early data is refused,
 * never a ticket forgotten.
 */
export const MAX_STRIKES = 100_000;
/** Sessions that a client keeps for one name (RFC 8446 §C.4 wants several, for connections at the same time); the oldest goes first. */
export const MAX_SESSIONS_PER_NAME = 4;
/** Names that a client keeps sessions of, unless told: 13 MB where servers make them as large as they can. The longest unused goes first. */
export const MAX_SESSION_NAMES = 100;
/**
 * Public keys that node:crypto keeps in its own form, as reading a point costs as much as a verification (60 µs for P-256, 450 for P-384); the oldest goes
 * first. Some 3 KiB each, where RSA has the most bits.
 */
export const MAX_CACHED_PUBLIC_KEYS = 256;
