/** Topic names and topic filters (MQTT 5 §4.7). Messages are parts of sentences: `The topic name 'a/#' ${problem}`. */
import { PacketError } from '../errors.ts';
import { MAX_TOPIC_LENGTH, MAX_TOPIC_LEVELS } from '../limits.ts';
import { ReasonCode } from '../reason-codes.ts';
import { utf8Problem } from './utf8.ts';

/** Says why a text cannot be a topic name, or returns undefined. */
export function topicNameProblem(topic: string): string | undefined {
  const problem = commonProblem(topic);
  if (problem !== undefined) return problem;
  // [MQTT-4.7.0-1], [MQTT-3.3.2-2]
  if (topic.includes('+') || topic.includes('#')) return 'contains a wildcard (+ or #), which only a subscription may';
  return undefined;
}

/**
 * Says why a text cannot be a topic filter, or returns undefined. What stands after `$share/{ShareName}/` has to be one as well.
 */
export function topicFilterProblem(filter: string): string | undefined {
  // Applications in JavaScript pass anything.
  if (typeof filter !== 'string' || !isSharedFilter(filter)) return plainFilterProblem(filter);
  const nameEnd = filter.indexOf('/', SHARE.length);
  // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
  if (filter === '$share' || nameEnd === SHARE.length || filter === SHARE) return 'has no share name after $share';
  if (nameEnd === -1 || nameEnd === filter.length - 1) return 'has no topic filter after its share name';
  const shareName = filter.slice(SHARE.length, nameEnd);
  if (shareName.includes('+') || shareName.includes('#')) return 'has a wildcard (+ or #) in its share name';
  return utf8Problem(filter, MAX_TOPIC_LENGTH) ?? plainFilterProblem(filter.slice(nameEnd + 1));
}

function plainFilterProblem(filter: string): string | undefined {
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

const SHARE = '$share/';

/** Whether a filter asks for a shared subscription (MQTT 5 §4.8.2). */
export function isSharedFilter(filter: string): boolean {
  return filter.startsWith(SHARE) || filter === '$share';
}

/** The parts of `$share/{ShareName}/{filter}`. */
export interface SharedFilter {
  readonly shareName: string;
  /** What topic names are matched with. */
  readonly filter: string;
}

/**
 * @param filter without a topicFilterProblem()
 * @returns undefined when it is not shared
 */
export function splitSharedFilter(filter: string): SharedFilter | undefined {
  if (!filter.startsWith(SHARE)) return undefined;
  const nameEnd = filter.indexOf('/', SHARE.length);
  return { shareName: filter.slice(SHARE.length, nameEnd), filter: filter.slice(nameEnd + 1) };
}

/** Whether a filter contains a wildcard. */
export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.endsWith('#');
}

/** @throws PacketError PROTOCOL_ERROR: what a response topic may not be */
export function checkResponseTopic(topic: string): void {
  if (topic === '') throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A response topic is empty'); // [MQTT-4.7.3-1]
  if (topic.includes('+') || topic.includes('#'))
    throw new PacketError(ReasonCode.PROTOCOL_ERROR, 'A response topic contains a wildcard'); // [MQTT-3.3.2-14]
}

/** Whether a topic name, or a topic filter, is in the part of the tree where only the broker itself publishes. */
export function isSystemTopic(text: string): boolean {
  return text.startsWith('$SYS') && (text.length === 4 || text[4] === '/');
}
