/** Who gets a message: the subscriptions that match a topic, gathered per flow, remembered until a subscription changes. */
import { MAX_CACHED_ROUTES, MAX_CACHED_ROUTE_SUBSCRIPTIONS } from '../limits.ts';
import type { Flow } from './flow.ts';
import type { Subscription } from './subscription.ts';
import { TopicTrie } from './topic-trie.ts';

/** What one flow gets of a topic. Overlapping subscriptions of a flow give one copy. [MQTT-3.3.4-2] */
export interface Target {
  readonly flow: Flow;
  /** The largest of the matching subscriptions. */
  readonly qos: number;
  /** Of all matching subscriptions that have one; undefined when none has. [MQTT-3.3.4-3], [MQTT-3.3.4-4] */
  readonly identifiers: readonly number[] | undefined;
  readonly retainAsPublished: boolean;
  /** Whether one of the subscriptions does not want what its own client publishes: then ask targetFor(). */
  readonly hasNoLocal: boolean;
  readonly subscriptions: readonly Subscription[];
}

export class Router {
  readonly #trie = new TopicTrie<Subscription>();
  readonly #routes = new Map<string, readonly Target[]>();
  #routesVersion = 0;
  /** Subscriptions in them. */
  #routesSize = 0;

  /** Changes whenever a route may have changed. */
  get version(): number {
    return this.#trie.version;
  }

  get subscriptionCount(): number {
    return this.#trie.size;
  }

  add(subscription: Subscription): void {
    this.#trie.add(subscription.topicFilter, subscription);
  }

  remove(subscription: Subscription): void {
    this.#trie.remove(subscription.topicFilter, subscription);
  }

  /** @param topic valid topic name */
  route(topic: string): readonly Target[] {
    if (
      this.#routesVersion !== this.#trie.version ||
      this.#routes.size >= MAX_CACHED_ROUTES ||
      this.#routesSize > MAX_CACHED_ROUTE_SUBSCRIPTIONS
    ) {
      this.#routes.clear();
      this.#routesSize = 0;
      this.#routesVersion = this.#trie.version;
    }
    let targets = this.#routes.get(topic);
    if (targets === undefined) {
      targets = this.#find(topic);
      this.#routes.set(topic, targets);
    }
    return targets;
  }

  #find(topic: string): readonly Target[] {
    const byFlow = new Map<Flow, Subscription[]>();
    const subscriptions = this.#trie.match(topic);
    this.#routesSize += subscriptions.length;
    for (const subscription of subscriptions) {
      const known = byFlow.get(subscription.flow);
      if (known === undefined) byFlow.set(subscription.flow, [subscription]);
      else known.push(subscription);
    }
    return [...byFlow.values()].map(makeTarget);
  }
}

/** What a flow gets of a message that its own client published; undefined when it wants nothing of that kind. [MQTT-3.8.3-3] */
export function targetForOwn(target: Target): Target | undefined {
  const subscriptions = target.subscriptions.filter(({ noLocal }) => !noLocal);
  return subscriptions.length === 0 ? undefined : makeTarget(subscriptions);
}

function makeTarget(subscriptions: readonly Subscription[]): Target {
  let qos = 0;
  let retainAsPublished = false;
  let hasNoLocal = false;
  const identifiers: number[] = [];
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos;
    retainAsPublished ||= subscription.retainAsPublished;
    hasNoLocal ||= subscription.noLocal;
    if (subscription.identifier > 0) identifiers.push(subscription.identifier);
  }
  return {
    flow: subscriptions[0].flow,
    qos,
    identifiers: identifiers.length === 0 ? undefined : identifiers,
    retainAsPublished,
    hasNoLocal,
    subscriptions,
  };
}
