/** What is done when rules change while sessions live: what is no longer allowed ends, quietly, since MQTT has no word for it. */
import { covers, levelsOfFilter } from '../access/filters.ts';
import type { Level } from '../access/filters.ts';
import type { EncodedPublish } from '../packets/publish.ts';
import type { BrokerCore } from './broker-core.ts';
import type { Flow } from './flow.ts';
import type { Permissions, Principal } from './permissions.ts';
import { StoredEntry } from './persistence/journal.ts';
import { messageOf, topicOfQueued } from './reencode.ts';
import type { Session } from './session.ts';
import { Subscription } from './subscription.ts';

/** All sessions and retained messages, after the policy changed. */
export function recheckEverything(core: BrokerCore, now: number): void {
  for (const session of core.sessions) {
    session.permissions = core.permissionsOf(session.principal);
    recheckSession(core, session, now);
  }
  const known = new Map<Principal, Permissions | undefined>();
  for (const { topic, publisher } of core.retained.messages()) {
    if (publisher === undefined) continue;
    if (!known.has(publisher)) known.set(publisher, core.permissionsOf(publisher));
    const permissions = known.get(publisher);
    if (permissions === undefined || permissions.mayPublish(topic, true)) continue;
    core.retained.delete(topic);
    core.journal?.retainedDeleted(topic);
  }
}

/** One session, whose permissions have changed: its subscriptions with what waits for them, and its will. What has been sent is finished. */
export function recheckSession(core: BrokerCore, session: Session, now: number): void {
  const { permissions, will, connection } = session;
  if (permissions === undefined) return;
  if (will !== undefined && !permissions.mayPublish(will.topic, will.retain)) {
    core.log('info', 'A will is no longer allowed', { clientId: session.clientId, topic: will.topic });
    session.will = undefined;
    core.journal?.sessionChanged(session);
  }
  const flows = new Set<Flow>([session.control]);
  for (const { flow } of connection?.channels ?? []) if (flow !== undefined) flows.add(flow);
  for (const flow of flows) recheckFlow(core, flow, permissions, now);
}

function recheckFlow(core: BrokerCore, flow: Flow, permissions: Permissions, now: number): void {
  const removed = new Set<unknown>();
  for (const subscription of flow.subscriptions.values()) {
    if (permissions.maySubscribe(subscription.matchedFilter)) continue;
    removed.add(subscription);
    endSubscription(core, flow, subscription);
  }
  if (removed.size === 0) return;
  const filters: (readonly Level[])[] = [];
  for (const { matchedFilter } of flow.subscriptions.values()) filters.push(levelsOfFilter(matchedFilter));
  const { version } = flow.session;
  const shared: (readonly [topicFilter: string, message: EncodedPublish])[] = [];
  flow.removeUnsent((message, source) => {
    // Nobody knows for what retained messages wait, and after a restart of the broker any.
    const subscription = source instanceof StoredEntry ? source.source : source;
    if (subscription instanceof Subscription && !removed.has(subscription)) return false;
    // What waited for a member is the group's.
    if (subscription instanceof Subscription && subscription.isShared) {
      shared.push([subscription.topicFilter, message]);
      return true;
    }
    const topic = topicOfQueued(message, version).split('/');
    return !filters.some((filter) => covers(filter, topic));
  });
  for (const [topicFilter, message] of shared) core.passOn(topicFilter, messageOf(message, version), now);
}

function endSubscription(core: BrokerCore, flow: Flow, subscription: Subscription): void {
  const { session } = flow;
  const { topicFilter } = subscription;
  flow.subscriptions.delete(topicFilter);
  session.subscriptionCount--;
  session.subscriptionLevels -= subscription.levels;
  core.router.remove(subscription);
  core.journal?.unsubscribed(subscription);
  core.log('info', 'A subscription is no longer allowed', { clientId: session.clientId, topicFilter });
}
