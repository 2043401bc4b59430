/** Every bound that a peer could push against, in one place, with the cost that it stops. Bytes, bits or counts as named. */

/**
 * The largest message body that is read, bytes. The format would allow 16 MiB (RFC 8446 §4), which a peer could make us collect before it has proved
 * anything.
 */
export const MAX_MESSAGE_LENGTH = 65_536;
/** Certificates in one message. Chains in use have two to four; more only cost signatures. Their size is bounded with the message's. */
export const MAX_CERTIFICATES = 10;
/** One certificate, bytes; those of the web have under 3 KiB. */
export const MAX_CERTIFICATE_SIZE = 65_536;
/** All certificates presented, bytes. */
export const MAX_CHAIN_SIZE = 65_536;
/** Certificates of a path, leaf and root included. */
export const MAX_PATH_LENGTH = 10;
/** Signatures verified in the search for one path, which cross-signed certificates could make exponential: each costs 0.1 ms (node) to 20 ms (noble, RSA-8192). */
export const MAX_SIGNATURE_CHECKS = 100;
/** Names compared with name constraints: thousands of one against thousands of the other would take seconds. */
export const MAX_NAME_COMPARISONS = 100_000;
/** RSA keys, bits. Smaller ones are within reach of factoring. */
export const MIN_RSA_BITS = 2048;
/** A verification costs the square of the size; 8192 bits take noble 20 ms. */
export const MAX_RSA_BITS = 8192;
/**
 * Parsed certificates that are kept, since a parse costs half a millisecond and a hash a few microseconds; the oldest goes first. With the size that is
 * worth keeping, 2 MiB at the most.
 */
export const MAX_CACHED_CERTIFICATES = 256;
/** Bytes of a certificate that is kept parsed. */
export const MAX_CACHED_CERTIFICATE_SIZE = 8_192;
