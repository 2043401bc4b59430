/** Topic filters as a tree of levels, and the values that were put under them. [MQTT-4.7.3-4]: levels are compared character by character. */

class Node<T> {
  readonly children = new Map<string, Node<T>>();
  /** Values of filters that end here, and of filters that end with `#` below here. */
  readonly exact = new Set<T>();
  readonly below = new Set<T>();

  get isEmpty(): boolean {
    return this.children.size === 0 && this.exact.size === 0 && this.below.size === 0;
  }
}

export class TopicTrie<T> {
  readonly #root = new Node<T>();
  #size = 0;
  #version = 0;

  /** Values in the tree. */
  get size(): number {
    return this.#size;
  }

  /** Changes with every change of the tree: whoever remembers a match() asks whether it is still true. */
  get version(): number {
    return this.#version;
  }

  /** @param filter valid */
  add(filter: string, value: T): void {
    let node = this.#root;
    const levels = filter.split('/');
    const isBelow = levels[levels.length - 1] === '#';
    if (isBelow) levels.pop();
    for (const level of levels) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = new Node();
        node.children.set(level, child);
      }
      node = child;
    }
    const values = isBelow ? node.below : node.exact;
    if (values.has(value)) return;
    values.add(value);
    this.#size++;
    this.#version++;
  }

  /** @returns whether it was there */
  remove(filter: string, value: T): boolean {
    const levels = filter.split('/');
    const isBelow = levels[levels.length - 1] === '#';
    if (isBelow) levels.pop();
    const path = [this.#root];
    for (const level of levels) {
      const child = path[path.length - 1].children.get(level);
      if (child === undefined) return false;
      path.push(child);
    }
    const node = path[path.length - 1];
    if (!(isBelow ? node.below : node.exact).delete(value)) return false;
    // Nodes that hold nothing any more go, or filters that come and go would grow the tree.
    for (let i = levels.length; i > 0 && path[i].isEmpty; i--) path[i - 1].children.delete(levels[i - 1]);
    this.#size--;
    this.#version++;
    return true;
  }

  /** @returns the values of all filters that match a topic name; a value that stands under several of them comes several times */
  match(topic: string): T[] {
    const found: T[] = [];
    // [MQTT-4.7.2-1]: a leading wildcard does not match a topic that begins with $.
    collect(this.#root, topic.split('/'), 0, topic.startsWith('$'), found);
    return found;
  }
}

function collect<T>(node: Node<T>, levels: readonly string[], depth: number, isSystem: boolean, found: T[]): void {
  const mayUseWildcard = !(isSystem && depth === 0);
  if (mayUseWildcard) for (const value of node.below) found.push(value);
  if (depth === levels.length) {
    for (const value of node.exact) found.push(value);
    return;
  }
  const child = node.children.get(levels[depth]);
  if (child !== undefined) collect(child, levels, depth + 1, isSystem, found);
  if (!mayUseWildcard) return;
  const plus = node.children.get('+');
  if (plus !== undefined) collect(plus, levels, depth + 1, isSystem, found);
}
