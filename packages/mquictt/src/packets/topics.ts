/** Topic names and topic filters (MQTT 5 §4.7). Messages are parts of sentences: `The topic name 'a/#' ${problem}`. */
import { MAX_TOPIC_LENGTH, MAX_TOPIC_LEVELS } from '../limits.ts';
import { utf8Problem } from './utf8.ts';

/** Says why a text cannot be a topic name, or returns undefined. */
export function topicNameProblem(topic: string): string | undefined {
  const problem = commonProblem(topic);
  if (problem !== undefined) return problem;
  // [MQTT-4.7.1-1]
  if (topic.includes('+') || topic.includes('#')) return 'contains a wildcard (+ or #), which only a subscription may';
  return undefined;
}

/** Says why a text cannot be a topic filter, or returns undefined. `$share/...` is no problem here: see isSharedFilter(). */
export function topicFilterProblem(filter: string): string | undefined {
  const problem = commonProblem(filter);
  if (problem !== undefined) return problem;
  const hash = filter.indexOf('#');
  if (hash !== -1) {
    // [MQTT-4.7.1-1]: alone, or as the last level.
    if (hash !== filter.length - 1) return 'has a # before its end';
    if (hash > 0 && filter[hash - 1] !== '/') return 'has a # that is not a level of its own';
  }
  for (let plus = filter.indexOf('+'); plus !== -1; plus = filter.indexOf('+', plus + 1)) {
    // [MQTT-4.7.1-2]
    const before = plus === 0 || filter[plus - 1] === '/';
    const after = plus === filter.length - 1 || filter[plus + 1] === '/';
    if (!before || !after) return 'has a + that is not a level of its own';
  }
  return undefined;
}

function commonProblem(text: string): string | undefined {
  if (text === '') return 'is empty'; // [MQTT-4.7.3-1]
  const problem = utf8Problem(text, MAX_TOPIC_LENGTH); // [MQTT-4.7.3-2], [MQTT-4.7.3-3]
  if (problem !== undefined) return problem;
  const levels = levelsOf(text);
  if (levels > MAX_TOPIC_LEVELS) return `has ${levels} levels, more than ${MAX_TOPIC_LEVELS}`;
  return undefined;
}

/** Levels of a topic name or filter. */
export function levelsOf(text: string): number {
  let levels = 1;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 0x2f) levels++;
  return levels;
}

/** Whether a filter asks for a shared subscription (MQTT 5 §4.8.2). */
export function isSharedFilter(filter: string): boolean {
  return filter.startsWith('$share/') || filter === '$share';
}

/** Whether a filter contains a wildcard. */
export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.endsWith('#');
}
