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
  #visited = 0;

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

  /**
   * Visits no node but those that stand on a prefix of the topic, so that the number of other filters does not matter.
   *
   * @returns the values of all filters that match a topic name; a value that stands under several of them comes several times
   */
  match(topic: string): T[] {
    const found: T[] = [];
    const levels = topic.split('/');
    // [MQTT-4.7.2-1]: a leading wildcard does not match a topic that begins with $.
    const isSystem = topic.startsWith('$');
    // All nodes that match the first levels.
    let nodes: Node<T>[] = [this.#root];
    for (let depth = 0; nodes.length > 0; depth++) {
      const next: Node<T>[] = [];
      const mayUseWildcard = depth > 0 || !isSystem;
      this.#visited += nodes.length;
      for (const node of nodes) {
        if (mayUseWildcard) for (const value of node.below) found.push(value);
        if (depth === levels.length) {
          for (const value of node.exact) found.push(value);
          continue;
        }
        const child = node.children.get(levels[depth]);
        if (child !== undefined) next.push(child);
        const plus = mayUseWildcard ? node.children.get('+') : undefined;
        if (plus !== undefined) next.push(plus);
      }
      nodes = next;
    }
    return found;
  }

  /** Nodes that match() has looked at so far. */
  get visited(): number {
    return this.#visited;
  }
}
