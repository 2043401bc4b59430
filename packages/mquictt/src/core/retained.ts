/** Retained messages (MQTT 5 §3.3.1.3): the last one of each topic, as a tree of levels, so that a filter with wildcards walks only what may match. */
import { MAX_RETAINED_BYTES, MAX_RETAINED_LEVELS, MAX_RETAINED_MESSAGES, RETAINED_SEARCH_STEP } from '../limits.ts';

/** Owns its bytes. */
export interface RetainedMessage {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly qos: number;
  /** As bytes, without expiry. */
  readonly properties: Uint8Array;
  /** ms, Infinity = never. */
  readonly expiresAt: number;
  /** Grows with every message stored: says what was there when a subscription came. */
  readonly sequence: number;
}

export interface RetainedLimits {
  /** @default 100_000 */
  readonly maxMessages?: number;
  /** Bytes of topics, properties and payloads. @default 256 MiB */
  readonly maxBytes?: number;
}

class Node {
  readonly children = new Map<string, Node>();
  message: RetainedMessage | undefined = undefined;
}

export class RetainedStore {
  readonly #root = new Node();
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #count = 0;
  #levels = 0;
  #bytes = 0;
  #sequence = 0;

  constructor(limits: RetainedLimits = {}) {
    this.#maxMessages = limits.maxMessages ?? MAX_RETAINED_MESSAGES;
    this.#maxBytes = limits.maxBytes ?? MAX_RETAINED_BYTES;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Nodes of the tree. */
  get levels(): number {
    return this.#levels;
  }

  /** The sequence number of the message that was stored last. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Takes the place of the topic's message. [MQTT-3.3.1-5]
   *
   * @param message copied by the caller
   * @returns false when there is no room; the topic's former message then stays
   */
  set(message: Omit<RetainedMessage, 'sequence'>): boolean {
    const former = this.get(message.topic);
    const bytes = this.#bytes + sizeOf(message) - (former === undefined ? 0 : sizeOf(former));
    if (bytes > this.#maxBytes || (former === undefined && this.#count >= this.#maxMessages)) return false;
    const levels = message.topic.split('/');
    // Where it shares its first levels with others it takes fewer; near the bound that is not looked at.
    if (former === undefined && this.#levels + levels.length > MAX_RETAINED_LEVELS) return false;
    let node = this.#root;
    for (const level of levels) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = new Node();
        node.children.set(level, child);
        this.#levels++;
      }
      node = child;
    }
    if (former === undefined) this.#count++;
    this.#bytes = bytes;
    node.message = { ...message, sequence: ++this.#sequence };
    return true;
  }

  get(topic: string): RetainedMessage | undefined {
    let node: Node | undefined = this.#root;
    for (const level of topic.split('/')) {
      node = node.children.get(level);
      if (node === undefined) return undefined;
    }
    return node.message;
  }

  /** [MQTT-3.3.1-6] */
  delete(topic: string): boolean {
    const levels = topic.split('/');
    const path = [this.#root];
    for (const level of levels) {
      const child = path[path.length - 1].children.get(level);
      if (child === undefined) return false;
      path.push(child);
    }
    const node = path[levels.length];
    if (node.message === undefined) return false;
    this.#count--;
    this.#bytes -= sizeOf(node.message);
    node.message = undefined;
    for (let i = levels.length; i > 0 && path[i].children.size === 0 && path[i].message === undefined; i--) {
      path[i - 1].children.delete(levels[i - 1]);
      this.#levels--;
    }
    return true;
  }

  /**
   * The messages whose topics match a filter, one after the other: the store may change in between, and a subscriber of `#` never needs a list of all.
   *
   * @param filter valid
   */
  *match(filter: string): IterableIterator<RetainedMessage> {
    for (const message of this.search(filter)) if (message !== undefined) yield message;
  }

  /** The same, with an undefined whenever it has found nothing for so long that others should have their turn. */
  search(filter: string): IterableIterator<RetainedMessage | undefined> {
    return walk(this.#root, filter.split('/'), 0, { steps: 0 });
  }

  /** Forgets what has expired. Costs a walk over everything: meant for once a minute. @returns whether others will expire later */
  removeExpired(now: number): boolean {
    const expired: string[] = [];
    let isMoreToCome = false;
    for (const message of walkAll(this.#root)) {
      if (message.expiresAt <= now) expired.push(message.topic);
      else if (message.expiresAt !== Infinity) isMoreToCome = true;
    }
    for (const topic of expired) this.delete(topic);
    return isMoreToCome;
  }
}

/** Counts the nodes that a search visited since it found something. */
interface Pace {
  steps: number;
}

function* walk(
  node: Node,
  levels: readonly string[],
  depth: number,
  pace: Pace,
): IterableIterator<RetainedMessage | undefined> {
  if (++pace.steps % RETAINED_SEARCH_STEP === 0) yield undefined;
  if (depth === levels.length) {
    if (node.message === undefined) return;
    pace.steps = 0;
    yield node.message;
    return;
  }
  const level = levels[depth];
  if (level !== '+' && level !== '#') {
    const child = node.children.get(level);
    if (child !== undefined) yield* walk(child, levels, depth + 1, pace);
    return;
  }
  // MQTT 5 §4.7.1.2: `sport/#` matches `sport` as well.
  if (level === '#' && depth > 0 && node.message !== undefined) yield node.message;
  for (const [name, child] of node.children) {
    // [MQTT-4.7.2-1]
    if (depth === 0 && name.startsWith('$')) continue;
    if (level === '+') yield* walk(child, levels, depth + 1, pace);
    else yield* walkAll(child);
  }
}

function* walkAll(node: Node): IterableIterator<RetainedMessage> {
  if (node.message !== undefined) yield node.message;
  for (const child of node.children.values()) yield* walkAll(child);
}

function sizeOf(message: Omit<RetainedMessage, 'sequence'>): number {
  return message.topicBytes.length + message.payload.length + message.properties.length;
}
