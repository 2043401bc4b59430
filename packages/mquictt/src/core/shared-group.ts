/**
 * A shared subscription (MQTT 5 §4.8.2): each message goes to one of the members. A member is a session on a flow. Members who are connected and keep up come
 * first, then those who are connected; one that is away is chosen only when nobody is there.
 */
import type { Random } from '@mquictt/tls13';
import type { Subscription } from './subscription.ts';

/** Who is next among members who could all take the message. 'sticky' stays with one as long as it keeps up. */
export type SharedStrategy = 'round-robin' | 'random' | 'sticky' | 'least-backlog';

/** What a group is asked to choose with. */
export interface SharedChoice {
  readonly sharedStrategy: SharedStrategy;
  readonly random: Random;
}

/** How well a member can take a message now. */
const AWAY = 0;
const BUSY = 1;
const FREE = 2;

const scratch = new Uint8Array(4);

export class SharedGroup {
  /** The whole filter, `$share/{ShareName}/{filter}`. */
  readonly topicFilter: string;
  readonly #members: Subscription[] = [];
  /** Where the next search begins. */
  #next = 0;

  constructor(topicFilter: string) {
    this.topicFilter = topicFilter;
  }

  get size(): number {
    return this.#members.length;
  }

  add(member: Subscription): void {
    this.#members.push(member);
  }

  remove(member: Subscription): void {
    const index = this.#members.indexOf(member);
    if (index === -1) return;
    this.#members.splice(index, 1);
    // Whoever was next stays next.
    if (index < this.#next) this.#next--;
  }

  /**
   * @param qos of the message: QoS 0 is for those who are there
   * @param bytes that it takes
   * @returns undefined when nobody can be given the message
   */
  pick(qos: number, bytes: number, { sharedStrategy, random }: SharedChoice): Subscription | undefined {
    const members = this.#members;
    const { length } = members;
    let from = this.#next % length;
    if (sharedStrategy === 'random') {
      random.fillPublic(scratch);
      from = (((scratch[0] << 24) | (scratch[1] << 16) | (scratch[2] << 8) | scratch[3]) >>> 0) % length;
    }
    let best = -1;
    let bestState = -1;
    let bestBacklog = Infinity;
    for (let i = 0; i < length; i++) {
      const index = (from + i) % length;
      const state = stateOf(members[index], Math.min(qos, members[index].qos), bytes);
      if (state < bestState || state === -1) continue;
      const backlog = sharedStrategy === 'least-backlog' ? backlogOf(members[index]) : 0;
      if (state === bestState && backlog >= bestBacklog) continue;
      best = index;
      bestState = state;
      bestBacklog = backlog;
      if (state === FREE && backlog === 0) break;
    }
    if (best === -1) return undefined;
    this.#next = sharedStrategy === 'sticky' ? best : best + 1;
    return members[best];
  }
}

/** @returns -1 for a member that cannot be given the message */
function stateOf({ flow }: Subscription, qos: number, bytes: number): number {
  const isAway = flow.channel === undefined;
  if (isAway && qos === 0) return -1;
  if (isAway) return AWAY;
  if (bytes > flow.queue.maximumPacketSize) return -1;
  return flow.isBehind || flow.queue.isWaitingForWindow ? BUSY : FREE;
}

function backlogOf({ flow }: Subscription): number {
  return flow.backlog + flow.queue.inFlightBytes;
}
