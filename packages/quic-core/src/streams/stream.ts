/**
 * One open stream: its two halves, and its places in the lists that streams stand in. The links are fields, so that standing in a list costs no object and
 * leaving one no search.
 */
import type { ReceiveHalf } from './receive-half.ts';
import type { SendHalf } from './send-half.ts';
import { DEFAULT_URGENCY } from './stream-id.ts';

export class Stream {
  readonly id: number;
  /** Opened by us. */
  readonly isLocal: boolean;
  /** Undefined for a stream that only the peer sends on. */
  readonly send: SendHalf | undefined;
  /** Undefined for a stream that only we send on. */
  readonly receive: ReceiveHalf | undefined;
  /** Beyond the peer's limit of streams: none of its frames may be sent yet. */
  isHeld: boolean;
  urgency: number = DEFAULT_URGENCY;
  /** Whether its send half counts as outstanding, see Streams.isDrained. */
  isOutstanding: boolean = false;
  /** No longer in the registry. */
  isForgotten: boolean = false;

  /** See ReadyStreams. -1: in none of its lists. */
  readyList: number = -1;
  readyNext: Stream | undefined = undefined;
  readyPrevious: Stream | undefined = undefined;
  /** New bytes sent since it came to the front of its list. */
  turnBytes: number = 0;

  /** See ControlFrames. */
  isInControlQueue: boolean = false;
  controlNext: Stream | undefined = undefined;

  /** See StreamEvents: the kinds of events that are pending, as bits. */
  events: number = 0;
  eventNext: Stream | undefined = undefined;
  /** Error code of the peer's STOP_SENDING. */
  stopCode: number = 0;

  constructor(
    id: number,
    isLocal: boolean,
    isHeld: boolean,
    send: SendHalf | undefined,
    receive: ReceiveHalf | undefined,
  ) {
    this.id = id;
    this.isLocal = isLocal;
    this.isHeld = isHeld;
    this.send = send;
    this.receive = receive;
  }

  /** Both halves are done: nothing is left to say, to hear or to read. */
  get isDone(): boolean {
    return (this.send === undefined || this.send.isDone) && (this.receive === undefined || this.receive.isDone);
  }
}
