/**
 * Topic filters as sets of topic names: whether one holds all of another (`covers`) or something of it (`overlaps`). MQTT 5 §4.7: `#` also stands for the
 * level above it, and a wildcard in front matches no topic that begins with `$`.
 */

/** `+`: one level, whatever it is. */
export const ANY: unique symbol = Symbol('+');
/** `#`: this level and all below, or none. */
export const REST: unique symbol = Symbol('#');

/** A wildcard or the text of a level. A text is only ever itself: a client who is called `+` is no wildcard. */
export type Level = string | typeof ANY | typeof REST;

/** @param filter valid, or the name of a topic */
export function levelsOfFilter(filter: string): Level[] {
  // No topic is empty, so that these say the same; and what stands here is easier to compare.
  if (filter === '#') return [ANY, REST];
  if (filter === '/#') return ['', ANY, REST];
  return filter.split('/').map((level): Level => (level === '+' ? ANY : level === '#' ? REST : level));
}

/** Whether every topic that `narrow` matches is matched by `wide` as well. A topic name is a filter that matches itself. */
export function covers(wide: readonly Level[], narrow: readonly Level[]): boolean {
  for (let i = 0; i < wide.length; i++) {
    const level = wide[i];
    if (level === REST) return true;
    if (i >= narrow.length) return false;
    const other = narrow[i];
    if (other === REST) return false;
    if (level === ANY ? hidesFromWildcards(other, i) : level !== other) return false;
  }
  return wide.length === narrow.length;
}

/** Whether there is a topic that both match. */
export function overlaps(a: readonly Level[], b: readonly Level[]): boolean {
  for (let i = 0; i < a.length || i < b.length; i++) {
    if (a[i] === REST || b[i] === REST) return true;
    if (i >= a.length || i >= b.length) return false;
    if (a[i] === ANY ? hidesFromWildcards(b[i], i) : b[i] === ANY ? hidesFromWildcards(a[i], i) : a[i] !== b[i])
      return false;
  }
  return true;
}

/** [MQTT-4.7.2-1] */
function hidesFromWildcards(level: Level, index: number): boolean {
  return index === 0 && typeof level === 'string' && level.startsWith('$');
}
