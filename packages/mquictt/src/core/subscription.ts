import type { SubscriptionRequest } from '../packets/codec.ts';
import { levelsOf } from '../packets/topics.ts';
import type { Flow } from './flow.ts';
import type { MessageSource } from './outbound-queue.ts';

/** One topic filter that one flow asked for. The same filter on two flows is two subscriptions. */
export class Subscription implements MessageSource {
  readonly flow: Flow;
  readonly topicFilter: string;
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

  /** @param request of which qos is not looked at: less may have been granted */
  constructor(
    flow: Flow,
    request: Omit<SubscriptionRequest, 'qos' | 'retainHandling'>,
    qos: number,
    identifier: number,
  ) {
    this.flow = flow;
    this.topicFilter = request.topicFilter;
    this.levels = levelsOf(request.topicFilter);
    this.qos = qos;
    this.noLocal = request.noLocal;
    this.retainAsPublished = request.retainAsPublished;
    this.identifier = identifier;
  }

  /** The same on another flow. */
  static moved(subscription: Subscription, flow: Flow): Subscription {
    return new Subscription(flow, subscription, subscription.qos, subscription.identifier);
  }
}
