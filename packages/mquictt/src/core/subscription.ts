import type { SubscriptionRequest } from '../packets/codec.ts';
import { levelsOf, splitSharedFilter } from '../packets/topics.ts';
import type { Flow } from './flow.ts';
import type { MessageSource } from './outbound-queue.ts';

/** One topic filter that one flow asked for. The same filter on two flows is two subscriptions. */
export class Subscription implements MessageSource {
  readonly flow: Flow;
  /** As asked for: `$share/...` of a shared one. */
  readonly topicFilter: string;
  /** What topic names are matched with. */
  readonly matchedFilter: string;
  /** Whether each message goes to one of several only. */
  readonly isShared: boolean;
  readonly levels: number;
  /** Granted. */
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0 = none. */
  readonly identifier: number;
  /** What waits to be sent for it. Kept by OutboundQueue. */
  queuedBytes = 0;
  queuedMessages = 0;
  /** Whether the stream that asked for it is gone, so that the control flow delivers it until a SUBSCRIBE with its filter adopts it. */
  isOrphan = false;
  /** Of its record in the store; empty when there is none. Kept by Journal. */
  storeKey = '';

  /** @param request of which qos is not looked at: less may have been granted */
  constructor(
    flow: Flow,
    request: Omit<SubscriptionRequest, 'qos' | 'retainHandling'>,
    qos: number,
    identifier: number,
  ) {
    this.flow = flow;
    this.topicFilter = request.topicFilter;
    const shared = splitSharedFilter(request.topicFilter);
    this.matchedFilter = shared?.filter ?? request.topicFilter;
    this.isShared = shared !== undefined;
    this.levels = levelsOf(this.matchedFilter);
    this.qos = qos;
    this.noLocal = request.noLocal;
    this.retainAsPublished = request.retainAsPublished;
    this.identifier = identifier;
  }

  /** The same on another flow. */
  static moved(subscription: Subscription, flow: Flow): Subscription {
    const moved = new Subscription(flow, subscription, subscription.qos, subscription.identifier);
    moved.storeKey = subscription.storeKey;
    return moved;
  }
}
