/**
 * One byte stream of one client, and no more than that: what arrives on it is cut into packets, what goes out is answers and the messages of its flow. It
 * ends with the stream; a control flow gets a new one with the next connection.
 *
 * The driver hands in bytes and ends, and asks for what to do: the core names channels that have something (see BrokerCore.nextReadyChannel()), then the
 * driver
 *
 *   1. resets and stops the stream when `abortCode` is not -1,
 *   2. writes what poll() gives while the stream takes bytes,
 *   3. ends its half of the stream when `isFinished`,
 *   4. reads on when it had stopped because of `isHeld`.
 */
import { MAX_PENDING_REPLIES } from '../limits.ts';
import { PacketSplitter } from '../packets/splitter.ts';
import type { BrokerCounters } from './broker-stats.ts';
import { ChannelOutput } from './channel-output.ts';
import type { Connection } from './connection.ts';
import type { Flow } from './flow.ts';
import type { Journal } from './persistence/journal.ts';
import type { IncomingAliases } from './topic-aliases.ts';
import type { Permissions } from './permissions.ts';

/** The control channel is the first bidirectional stream, data channels are the later ones; a unidirectional one only publishes. */
export type ChannelKind = 'control' | 'data' | 'unidirectional';

/** What a channel needs from the core. */
export interface ChannelHost {
  readonly journal: Journal | undefined;
  readonly maxPacketSize: number;
  readonly counters: BrokerCounters;
  handlePacket(channel: Channel, header: number, now: number): void;
  /** The beginning of a packet came: its first byte, or -1. @throws PacketError when the rest need not be waited for */
  handlePartial(channel: Channel, header: number): void;
  /** Reading failed: a PacketError, or a mistake of ours. */
  handleFailure(channel: Channel, error: unknown, now: number): void;
  /** The peer ended its half, and everything before has been handled. */
  handleEnd(channel: Channel, now: number): void;
  /** The peer reset its half, or asked us to stop ours. */
  handleReset(channel: Channel, errorCode: number, now: number): void;
  /** Whether a channel is left unread because as much is queued as the broker can hold. */
  isHeldByLoad(channel: Channel): boolean;
  /** Names the channel to the driver. */
  markReady(channel: Channel): void;
}

export class Channel {
  readonly kind: ChannelKind;
  readonly connection: Connection;
  readonly output: ChannelOutput;
  readonly splitter: PacketSplitter;
  /** What it carries; undefined on a control channel before CONNECT was accepted, and on all once they are closed. */
  flow: Flow | undefined = undefined;
  /** For the driver to hang its own object on. */
  context: unknown = undefined;
  /** Whether packets are still handled. */
  isOpen = true;
  /** Set when both halves of the stream shall be reset with this code. */
  abortCode = -1;
  /** Named by the core and not yet looked at. Kept by BrokerCore. */
  isReady = false;
  /** Kept by PartialPackets. */
  partialBytes = 0;
  /** The topic of the last PUBLISH and where it goes: on most streams it is the same for ever. */
  topic = '';
  topicBytes: Uint8Array = new Uint8Array(0);
  route: unknown = undefined;
  routeVersion = -1;
  /** Topic aliases that the client has set; undefined while there are none. */
  aliases: IncomingAliases | undefined = undefined;
  /** The last answer to whether a message may be published, and to what: by whom, to which topic, with or without RETAIN. */
  judgedBy: Permissions | undefined = undefined;
  judgedTopic = '';
  judgedRetain = false;
  isTopicAllowed = false;
  /** Flows that are behind and hold this channel back. Kept by Flow. */
  readonly heldBy: Set<Flow> = new Set();

  readonly #host: ChannelHost;
  #hasEnded = false;
  #isFinishing = false;

  constructor(kind: ChannelKind, connection: Connection, host: ChannelHost) {
    this.kind = kind;
    this.connection = connection;
    this.#host = host;
    this.output = new ChannelOutput(host.journal);
    this.splitter = new PacketSplitter(host.maxPacketSize);
  }

  /** Whether the driver should leave what arrives in the stream for now. */
  get isHeld(): boolean {
    return (
      this.connection.isPaused ||
      this.heldBy.size > 0 ||
      this.output.replyBytes > MAX_PENDING_REPLIES ||
      this.connection.partialPackets.isHeld(this) ||
      this.#host.isHeldByLoad(this)
    );
  }

  /** Whether our half of the stream ends as soon as nothing is left to write. */
  get isFinished(): boolean {
    return this.#isFinishing && this.output.isBetweenPackets;
  }

  /** Bytes from the stream; they must not change afterwards. */
  receive(chunk: Uint8Array, now: number): void {
    if (!this.isOpen) return;
    this.#host.counters.bytesReceived += chunk.length;
    this.splitter.push(chunk);
    this.resume(now);
  }

  /** The peer ended its half. */
  receiveEnd(now: number): void {
    this.#hasEnded = true;
    this.resume(now);
  }

  /** The peer reset its half, or asked us to stop ours. */
  receiveReset(errorCode: number, now: number): void {
    if (this.isOpen || this.#isFinishing) this.#host.handleReset(this, errorCode, now);
  }

  /** Handles what has arrived, as far as nobody holds this channel back. */
  resume(now: number): void {
    try {
      while (this.isOpen && !this.isHeld) {
        const header = this.splitter.next();
        this.#countPartial(this.splitter.partialLength);
        if (header === -1) {
          this.#host.handlePartial(this, this.splitter.partialHeader);
          if (this.#hasEnded) {
            this.#hasEnded = false;
            this.#host.handleEnd(this, now);
          }
          return;
        }
        this.connection.lastReceived = now;
        this.#host.counters.packetsReceived++;
        this.#host.handlePacket(this, header, now);
      }
    } catch (error) {
      this.#host.handleFailure(this, error, now);
    }
  }

  /** The next piece to write, see ChannelOutput.poll(). */
  poll(capacity: number, now: number): Uint8Array | undefined {
    const wasHeld = this.isHeld;
    const piece =
      this.flow === undefined ? this.output.poll(undefined, capacity, now) : this.flow.poll(this.output, capacity, now);
    if (wasHeld && !this.isHeld) this.#host.markReady(this);
    const { journal, counters } = this.#host;
    counters.packetsSent += this.output.replyCount;
    this.output.replyCount = 0;
    if (piece === undefined) return undefined;
    if (journal?.hasTaken() !== true) {
      counters.bytesSent += piece.length;
      return piece;
    }
    // Its identifiers of QoS 2 must be safe before anybody sees them.
    this.output.putBack(piece);
    this.output.block(journal.pending);
    journal.wait(this);
    return undefined;
  }

  /**
   * What has been answered depends on what was written down since `changeCount`: it leaves when that is safe.
   *
   * @param changeCount of the journal, before
   */
  holdAnswers(changeCount: number): void {
    const { journal } = this.#host;
    if (journal === undefined || journal.changeCount === changeCount) return;
    if (this.output.holdAnswers(journal.pending)) journal.wait(this);
  }

  /** Like holdAnswers(), and nothing else leaves before. */
  holdEverything(changeCount: number): void {
    const { journal } = this.#host;
    if (journal === undefined || journal.changeCount === changeCount) return;
    this.output.block(journal.pending);
    journal.wait(this);
  }

  /** The store has what something here waited for. */
  handleWritten(): void {
    if (this.isOpen || this.#isFinishing) this.#host.markReady(this);
  }

  putBack(rest: Uint8Array): void {
    // It comes again.
    this.#host.counters.bytesSent -= rest.length;
    this.output.putBack(rest);
  }

  /** Stops handling packets, and lets our half of the stream end when the answers have left. The flow has been taken off. */
  finish(): void {
    this.#close();
    this.#isFinishing = true;
    this.#host.markReady(this);
  }

  /** Stops handling packets and resets both halves. */
  abort(errorCode: number): void {
    this.drop();
    this.abortCode = errorCode;
    this.#host.markReady(this);
  }

  /** The stream is gone. */
  drop(): void {
    this.#close();
    this.output.clear();
    this.#isFinishing = false;
  }

  /** Mostly there is nothing to count: small packets lie whole in their chunks. */
  #countPartial(bytes: number): void {
    if (bytes === this.partialBytes) return;
    this.connection.partialPackets.count(this, bytes, this.connection.channels, (channel) => {
      if (!channel.isHeld) this.#host.markReady(channel);
    });
  }

  #close(): void {
    this.isOpen = false;
    this.#countPartial(0);
    for (const flow of this.heldBy) flow.release(this);
    this.heldBy.clear();
  }
}
