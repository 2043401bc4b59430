/** Who gets a message: the subscriptions that match a topic, gathered per flow, remembered until a subscription changes. */
import { MAX_CACHED_ROUTES, MAX_CACHED_ROUTE_SUBSCRIPTIONS } from '../limits.ts';
import type { Flow } from './flow.ts';
import { SharedGroup } from './shared-group.ts';
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

/** Who gets the messages of a topic. */
export interface Route {
  readonly targets: readonly Target[];
  /** Each of them gives the message to one of its members, whoever else gets it. */
  readonly groups: readonly SharedGroup[];
}

export class Router {
  readonly #trie = new TopicTrie<Subscription | SharedGroup>();
  /** By their whole filter. */
  readonly #groups = new Map<string, SharedGroup>();
  readonly #routes = new Map<string, Route>();
  #subscriptionCount = 0;
  #routesVersion = 0;
  /** Subscriptions in them. */
  #routesSize = 0;

  /** Changes whenever a route may have changed. */
  get version(): number {
    return this.#trie.version;
  }

  get subscriptionCount(): number {
    return this.#subscriptionCount;
  }

  /** Shared subscriptions, however many members each has. */
  get groupCount(): number {
    return this.#groups.size;
  }

  add(subscription: Subscription): void {
    this.#subscriptionCount++;
    if (!subscription.isShared) {
      this.#trie.add(subscription.matchedFilter, subscription);
      return;
    }
    let group = this.#groups.get(subscription.topicFilter);
    if (group === undefined) {
      group = new SharedGroup(subscription.topicFilter);
      this.#groups.set(subscription.topicFilter, group);
      this.#trie.add(subscription.matchedFilter, group);
    }
    group.add(subscription);
  }

  remove(subscription: Subscription): void {
    this.#subscriptionCount--;
    if (!subscription.isShared) {
      this.#trie.remove(subscription.matchedFilter, subscription);
      return;
    }
    const group = this.#groups.get(subscription.topicFilter);
    group?.remove(subscription);
    if (group === undefined || group.size > 0) return;
    this.#groups.delete(subscription.topicFilter);
    this.#trie.remove(subscription.matchedFilter, group);
  }

  /** @param topicFilter whole. @returns undefined when it has no members */
  group(topicFilter: string): SharedGroup | undefined {
    return this.#groups.get(topicFilter);
  }

  /** @param topic valid topic name */
  route(topic: string): Route {
    if (
      this.#routesVersion !== this.#trie.version ||
      this.#routes.size >= MAX_CACHED_ROUTES ||
      this.#routesSize > MAX_CACHED_ROUTE_SUBSCRIPTIONS
    ) {
      this.#routes.clear();
      this.#routesSize = 0;
      this.#routesVersion = this.#trie.version;
    }
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = this.#find(topic);
      this.#routes.set(topic, route);
    }
    return route;
  }

  #find(topic: string): Route {
    const byFlow = new Map<Flow, Subscription[]>();
    const groups: SharedGroup[] = [];
    const found = this.#trie.match(topic);
    this.#routesSize += found.length;
    for (const one of found) {
      if (one instanceof SharedGroup) {
        groups.push(one);
        continue;
      }
      const known = byFlow.get(one.flow);
      if (known === undefined) byFlow.set(one.flow, [one]);
      else known.push(one);
    }
    return { targets: Array.from(byFlow.values(), makeTarget), groups };
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
