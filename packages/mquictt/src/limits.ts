/**
 * Every bound that a peer could push against, in one place, with the attack or the exhaustion that it stops. Bytes, ms or counts as named. What an
 * operator may want to change is an option of the broker, with these as defaults.
 */

/** Largest MQTT packet, fixed header included. A peer that announces 256 MiB and sends it slowly would hold as much memory per stream. */
export const MAX_PACKET_SIZE = 1_048_576;
/** First allocation for a packet that arrives in pieces; it doubles as bytes really come, so an announced length costs nothing. */
export const FIRST_PACKET_ALLOCATION = 1_024;

/**
 * Bytes of packets that have come in part, on all streams of a client: beyond it one stream is read on until its packet is whole. A thousand streams with
 * nearly 1 MiB each would be 1 GiB.
 */
export const MAX_PARTIAL_BYTES = 16_777_216;

/** UTF-8 bytes of a topic name or filter. Each level becomes a node of a tree. */
export const MAX_TOPIC_LENGTH = 4_096;
/** Levels of a topic name or filter: walking the tree is recursive in levels, and `+/+/+/...` branches at each. */
export const MAX_TOPIC_LEVELS = 128;
/** UTF-8 bytes of a client identifier: it is a key of a map for as long as the connection lives. */
export const MAX_CLIENT_IDENTIFIER_LENGTH = 1_024;

/** Subscriptions of one session, over all its streams. */
export const MAX_SUBSCRIPTIONS_PER_SESSION = 4_096;
/**
 * Levels of the topic filters of one session. Each may become a node of the tree (500 bytes) that each PUBLISH may have to visit (0.4 µs): 4,096 filters
 * of 128 levels took 260 MB, and 217 ms for each message (Node 20.20, 2 vCPU).
 */
export const MAX_SUBSCRIPTION_LEVELS_PER_SESSION = 32_768;
/** User properties of one packet that becomes an object (all but PUBLISH): five bytes each become some 150, before anybody has logged in. */
export const MAX_USER_PROPERTIES = 1_024;
/** Topic filters in one SUBSCRIBE or UNSUBSCRIBE: a packet of 1 MiB could carry 200,000. */
export const MAX_FILTERS_PER_PACKET = 1_024;
/** Topics whose matching subscriptions are remembered until a subscription changes. */
export const MAX_CACHED_ROUTES = 8_192;
/** Subscriptions in all of them together, up to 200 bytes each: 8,192 topics that 10,000 subscribers of `#` get would take 16 GB. */
export const MAX_CACHED_ROUTE_SUBSCRIPTIONS = 262_144;

/** A flow whose queue holds more bytes than this is behind: its publishers are held back for a moment, see HOLD_TIME. */
export const QUEUE_HIGH_WATER = 262_144;
/** The queue is fine again. */
export const QUEUE_LOW_WATER = 65_536;
/** Messages in a queue count as well: many empty ones would cost more than their bytes. */
export const QUEUE_HIGH_WATER_MESSAGES = 4_096;
/** Bytes beyond which QoS 0 is not queued on a flow, not even while its publisher is held back for it. */
export const QUEUE_HARD_LIMIT = 1_048_576;
/** Messages and bytes that wait for one session on all its flows, whether its client is there or not: beyond it QoS 1 and 2 is not queued. */
export const MAX_SESSION_QUEUE_MESSAGES = 100_000;
export const MAX_SESSION_QUEUE_BYTES = 67_108_864;
/** Bytes queued for all sessions of a broker. Beyond it nothing more is queued for any that is behind, and new clients are refused. */
export const MAX_QUEUED_BYTES = 536_870_912;
/** ms between two lines in the log about queues that are full: a line per message would be a second flood. */
export const QUEUE_LOG_INTERVAL = 60_000;
/** Sessions, those of clients that are not connected included: names are free, and each costs some 2 KB. */
export const MAX_SESSIONS = 262_144;
/** QoS 2 identifiers of a session that were received on streams that are gone and never released; the oldest are forgotten. */
export const MAX_ORPHANED_RECEIPTS = 65_535;
/** ms for which a flow that is behind may hold back those who publish to it (only streams that do nothing but publish). */
export const HOLD_TIME = 500;
/** ms after a hold that was not enough, during which the flow holds nobody: a slow reader costs others one HOLD_TIME per this. */
export const HOLD_PROBATION = 30_000;
/** Bytes of answers (PUBACK, SUBACK ...) that wait on one flow before we stop reading it: a peer that sends but never reads. */
export const MAX_PENDING_REPLIES = 65_536;
/** Bytes of QoS 1 messages sent and not yet acknowledged on one flow; they are kept in case the stream dies. */
export const MAX_IN_FLIGHT_BYTES = 262_144;
/** The same on all flows of a session; beyond it each flow still has one message in flight. 1,000 streams that acknowledge nothing held 256 MB. */
export const MAX_IN_FLIGHT_BYTES_PER_SESSION = 16_777_216;
/** Packet identifiers that messages leave to SUBSCRIBE and UNSUBSCRIBE. */
export const RESERVED_IDENTIFIERS = 1_024;
/** Bytes that one write gathers from small messages. */
export const WRITE_SIZE = 32_768;
/** Messages larger than this are handed to the stream by reference instead of being gathered. */
export const GATHER_LIMIT = 4_096;

/** Receive Maximum that we announce, per flow. QoS 1 is answered at once, so that it bounds answers on their way; of QoS 2 it bounds the identifiers kept. */
export const RECEIVE_MAXIMUM = 4_096;

/** Topic aliases that we announce, per stream: each keeps a topic of up to 4 KiB for as long as the stream lives. */
export const TOPIC_ALIAS_MAXIMUM = 16;
/** Topic aliases that we use on one stream, whatever more the client takes: each keeps a topic here as well. */
export const OUTGOING_TOPIC_ALIASES = 64;

/** Retained messages and the bytes of their topics, properties and payloads: they outlive their publisher. */
export const MAX_RETAINED_MESSAGES = 100_000;
export const MAX_RETAINED_BYTES = 268_435_456;
/** Levels of their topics, each a node of 240 bytes: one-byte messages with 128 levels took 30 KB each. */
export const MAX_RETAINED_LEVELS = 1_000_000;
/** ms between walks over the retained messages that look for expired ones. */
export const RETAINED_SWEEP_INTERVAL = 60_000;

/** Topics that a search through them looks at in one go: 1,024 filters that match none of 100,000 would keep everybody waiting for 40 s. */
export const RETAINED_SEARCH_STEP = 4_096;

/** Characters of an identity: it stays with the session, and each check of a rule may look at it. */
export const MAX_IDENTITY_LENGTH = 1_024;
/** Topic filters in all access rules together: a topic that nobody allows is compared with each of them (0.1 µs and more). */
export const MAX_ACCESS_FILTERS = 16_384;
/** The same of a token, which is kept for each connection. */
export const MAX_TOKEN_FILTERS = 256;
/** Bytes of a token: its signature is checked over all of it. */
export const MAX_TOKEN_SIZE = 16_384;
/** Passwords checked at once: each takes a thread of the four that Node has for files and names too, and some 16 MiB. */
export const MAX_PASSWORD_CHECKS = 2;
/** Passwords that wait to be checked, some two minutes' worth; CONNECT gets 0x89 beyond it. */
export const MAX_WAITING_PASSWORD_CHECKS = 1_024;
/** Of these from one address: half of what is checked before the deadline for CONNECT, so that a flood from it leaves others their turn. */
export const MAX_WAITING_PASSWORD_CHECKS_PER_ADDRESS = 50;
/** Bytes that checking one password may take, whatever the file says. */
export const MAX_SCRYPT_MEMORY = 268_435_456;
/** Addresses whose rate of connections is remembered; the one that was seen least recently goes. */
export const MAX_TRACKED_ADDRESSES = 65_536;

/** ms from the connection to CONNECT; connections that say nothing would pile up. */
export const CONNECT_DEADLINE = 10_000;
/** Connections of one listener: each costs a descriptor and some 10 KiB. */
export const MAX_CONNECTIONS = 65_536;
/** Those of TCP, TLS and WebSocket that have brought no CONNECT; beyond it the oldest makes room. A crowd that connects at once gets through it in moments. */
export const MAX_HALF_OPEN_CONNECTIONS = 4_096;
/** Bytes on such a connection before it is ended, TLS and HTTP included: four fields of 64 KiB are more than a CONNECT needs. */
export const MAX_BYTES_BEFORE_CONNECT = 262_144;
/** Bytes of a WebSocket's HTTP request, which is read before anybody has logged in. */
export const MAX_HTTP_HEADER_SIZE = 8_192;
/** Bytes written to a TCP, TLS or WebSocket connection that the system has not taken: beyond it the flow keeps them, and decides what to drop. */
export const SOCKET_SEND_BUFFER = 262_144;
/** Streams of one connection that wait for CONNECT to be accepted; each may hold a stream window of unread bytes. */
export const MAX_STREAMS_BEFORE_CONNECT = 128;
/** Data flows that may end with a protocol error before the connection does. */
export const MAX_PROTOCOL_ERRORS = 16;
/** ms for DISCONNECT and the acknowledgement of what was written before a closing connection is dropped. */
export const CLOSE_DEADLINE = 2_000;
/** ms between QUIC PINGs to a peer whose MQTT keep-alive is off, and rounds without any packet from it before it is given up. */
export const LIVENESS_INTERVAL = 60_000;
export const LIVENESS_ROUNDS = 3;
/** Streams of each kind that a client may have open at once; raised as they finish. */
export const MAX_STREAMS = 1_024;

/** Bytes of messages that a subscriber of the client keeps for its application before it stops reading its stream. */
export const SUBSCRIBER_BUFFER = 262_144;
/** Messages of the same. */
export const SUBSCRIBER_BUFFER_MESSAGES = 4_096;
/** Bytes that a publisher of the client keeps while they cannot be sent, before publish() says no. */
export const PUBLISHER_QUEUE = 67_108_864;

/**
 * Bytes that wait to be written to the store. While it is full or slow, what has to be stored is refused beyond this, instead of waiting in memory.
 */
export const MAX_UNWRITTEN_BYTES = 67_108_864;
/** ms before a write that failed is tried again; it doubles up to the second: a full disk is neither hammered nor forgotten. */
export const STORE_RETRY_FIRST = 100;
export const STORE_RETRY_LAST = 10_000;

/** ms that the will of a client waits at least which was connected when the broker ended: so long it has to come back and cancel it. */
export const WILL_DELAY_AFTER_CRASH = 10_000;

/** Connections to the monitoring port, bytes of the headers of a request, ms for one: those who watch are few, and are not to be waited for. */
export const MAX_MONITORING_CONNECTIONS = 32;
export const MAX_MONITORING_HEADERS = 8_192;
export const MONITORING_DEADLINE = 5_000;
