import type { SubscriptionRequest } from '../packets/codec.ts';
import { levelsOf } from '../packets/topics.ts';
import type { Flow } from './flow.ts';

/** One topic filter that one flow asked for. The same filter on two flows is two subscriptions. */
export class Subscription {
  readonly flow: Flow;
  readonly topicFilter: string;
  readonly levels: number;
  /** Granted: 0 or 1. */
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0 = none. */
  readonly identifier: number;

  constructor(flow: Flow, request: SubscriptionRequest, qos: number, identifier: number) {
    this.flow = flow;
    this.topicFilter = request.topicFilter;
    this.levels = levelsOf(request.topicFilter);
    this.qos = qos;
    this.noLocal = request.noLocal;
    this.retainAsPublished = request.retainAsPublished;
    this.identifier = identifier;
  }
}
