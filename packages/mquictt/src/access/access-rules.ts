/**
 * Access rules: who may publish and subscribe to what. The first rule that fits decides; where there are rules and none fits, the answer is no.
 *
 *     { "allow": ["publish", "subscribe"], "topic": "devices/%u/#" }
 *     { "deny": "retain", "topic": "#", "identity": "guest" }
 *
 * - `topic` is one topic filter or a list. `%u` in it stands for the identity of the client and `%c` for its client identifier. What they stand for is one
 *   level and never a wildcard: where a client has no identity, or a name with `+`, `#`, `/` in it (or `$` in front of the topic), a rule that allows does not
 *   fit, and a rule that denies fits at that level whatever stands there and below, so that no name gets around a rule.
 * - `identity` and `client` are one text or a list; a `*` at the end of one stands for anything. Without them a rule is for everybody.
 * - Actions: `publish` is every message, `retain` only those that are to be retained, `subscribe`; `all` is the three.
 *
 * A subscription is allowed when each topic that it could get is: going through the rules in order, it is refused at the first rule that denies something of
 * its filter, and allowed at the first that allows all of it. Two rules of which each allows a part do not make a whole.
 */
import type { ClientAction, Permissions, Principal } from '../core/permissions.ts';
import { MqttError } from '../errors.ts';
import { MAX_ACCESS_FILTERS, MAX_IDENTITY_LENGTH } from '../limits.ts';
import { topicFilterProblem } from '../packets/topics.ts';
import { REST, covers, levelsOfFilter, overlaps } from './filters.ts';
import type { Level } from './filters.ts';

export type AccessAction = ClientAction | 'all';

/** One rule, with either `allow` or `deny`. See this module's text. */
export interface AccessRule {
  readonly allow?: AccessAction | readonly AccessAction[];
  readonly deny?: AccessAction | readonly AccessAction[];
  /** Topic filters, with %u and %c. */
  readonly topic: string | readonly string[];
  /** Identities that it is for. @default everybody, also those who have none */
  readonly identity?: string | readonly string[];
  /** Client identifiers that it is for. @default all */
  readonly client?: string | readonly string[];
}

const ACTIONS: readonly string[] = ['publish', 'retain', 'subscribe', 'all'];
const KEYS: readonly string[] = ['allow', 'deny', 'topic', 'identity', 'client'];

/** A level with placeholders: texts between which the names stand. */
class Template {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** @returns undefined when a name cannot stand here */
  fill(principal: Principal, isFirst: boolean): string | undefined {
    let isUsable = true;
    const filled = this.text.replace(/%[uc]/g, (placeholder) => {
      const name = placeholder === '%u' ? principal.identity : principal.clientId;
      if (name === undefined || name === '' || /[+#/]/.test(name)) isUsable = false;
      return name ?? '';
    });
    // Where the rule itself says $, that is what it wants.
    if (isFirst && filled.startsWith('$') && !this.text.startsWith('$')) isUsable = false;
    return isUsable ? filled : undefined;
  }
}

class CompiledRule {
  readonly isAllowing: boolean;
  readonly actions: ReadonlySet<string>;
  readonly #filters: readonly (readonly (Level | Template)[])[];
  readonly #hasTemplates: boolean;
  readonly #identities: Patterns | undefined;
  readonly #clients: Patterns | undefined;

  constructor(rule: AccessRule) {
    this.isAllowing = rule.allow !== undefined;
    const actions = listOf(rule.allow ?? rule.deny);
    this.actions = new Set(actions.includes('all') ? ['publish', 'retain', 'subscribe'] : actions);
    this.#filters = listOf(rule.topic).map((filter) =>
      levelsOfFilter(filter).map((level) =>
        typeof level === 'string' && /%[uc]/.test(level) ? new Template(level) : level,
      ),
    );
    this.#hasTemplates = this.#filters.some((filter) => filter.some((level) => level instanceof Template));
    this.#identities = rule.identity === undefined ? undefined : new Patterns(listOf(rule.identity));
    this.#clients = rule.client === undefined ? undefined : new Patterns(listOf(rule.client));
  }

  isFor({ identity, clientId }: Principal): boolean {
    if (this.#identities !== undefined && (identity === undefined || !this.#identities.match(identity))) return false;
    return this.#clients === undefined || this.#clients.match(clientId);
  }

  /** Its filters with the names of a client; those that cannot be filled in are left out where they allow, and cut to all that they could mean where they deny. */
  *filtersFor(principal: Principal): IterableIterator<readonly Level[]> {
    if (!this.#hasTemplates) {
      yield* this.#filters as readonly (readonly Level[])[];
      return;
    }
    for (const filter of this.#filters) {
      const filled = this.#fill(filter, principal);
      if (filled !== undefined) yield filled;
    }
  }

  #fill(filter: readonly (Level | Template)[], principal: Principal): readonly Level[] | undefined {
    const filled: Level[] = [];
    for (const level of filter) {
      const text = level instanceof Template ? level.fill(principal, filled.length === 0) : level;
      if (text === undefined) return this.isAllowing ? undefined : [...filled, REST];
      filled.push(text);
    }
    return filled;
  }
}

/** Texts of which some end with `*`. */
class Patterns {
  readonly #exact = new Set<string>();
  readonly #beginnings: string[] = [];

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      if (text.endsWith('*')) this.#beginnings.push(text.slice(0, -1));
      else this.#exact.add(text);
    }
  }

  match(text: string): boolean {
    return this.#exact.has(text) || this.#beginnings.some((beginning) => text.startsWith(beginning));
  }
}

export class AccessRules {
  readonly #rules: readonly CompiledRule[];
  /** Lists of rules by their places: clients whom the same rules are for share one. */
  readonly #lists = new Map<string, readonly CompiledRule[]>();

  /**
   * @param rules also from files and tokens: everything is checked
   * @param maxFilters topic filters in all of them, see MAX_ACCESS_FILTERS
   * @throws MqttError ERR_MQTT_ACCESS
   */
  constructor(rules: readonly AccessRule[], maxFilters: number = MAX_ACCESS_FILTERS) {
    checkRules(rules, maxFilters);
    this.#rules = rules.map((rule) => new CompiledRule(rule));
  }

  permissionsOf(principal: Principal): Permissions {
    const places: number[] = [];
    this.#rules.forEach((rule, place) => {
      if (rule.isFor(principal)) places.push(place);
    });
    const key = places.join();
    let list = this.#lists.get(key);
    if (list === undefined) {
      list = places.map((place) => this.#rules[place] as CompiledRule);
      this.#lists.set(key, list);
    }
    return new RulePermissions(principal, list);
  }
}

class RulePermissions implements Permissions {
  readonly #principal: Principal;
  readonly #rules: readonly CompiledRule[];

  constructor(principal: Principal, rules: readonly CompiledRule[]) {
    this.#principal = principal;
    this.#rules = rules;
  }

  mayPublish(topic: string, isRetained: boolean): boolean {
    const levels = topic.split('/');
    for (const rule of this.#rules) {
      const { actions } = rule;
      if (!actions.has('publish') && !(isRetained && actions.has('retain'))) continue;
      for (const filter of rule.filtersFor(this.#principal)) if (covers(filter, levels)) return rule.isAllowing;
    }
    return false;
  }

  maySubscribe(topicFilter: string): boolean {
    const levels = levelsOfFilter(topicFilter);
    for (const rule of this.#rules) {
      if (!rule.actions.has('subscribe')) continue;
      const { isAllowing } = rule;
      const decides = isAllowing ? covers : overlaps;
      for (const filter of rule.filtersFor(this.#principal)) if (decides(filter, levels)) return isAllowing;
    }
    return false;
  }
}

function checkRules(rules: unknown, maxFilters: number): void {
  if (!Array.isArray(rules)) throw accessError(`The access rules expected a list, got ${typeOf(rules)}`);
  let filters = 0;
  rules.forEach((rule: unknown, index) => {
    const where = `Access rule ${index + 1}`;
    filters += checkRule(rule, where);
    if (filters > maxFilters) throw accessError(`${where}: there are more than ${maxFilters} topic filters in all`);
  });
}

/** @returns how many topic filters it has */
function checkRule(rule: unknown, where: string): number {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule))
    throw accessError(`${where} expected an object, got ${typeOf(rule)}`);
  const fields = rule as Record<string, unknown>;
  // A rule with a mistake in it would be for everybody, or for nothing.
  for (const key of Object.keys(fields))
    if (!KEYS.includes(key)) throw accessError(`${where} has "${key}", which is none of ${KEYS.join(', ')}`);
  if ((fields.allow === undefined) === (fields.deny === undefined))
    throw accessError(`${where} needs "allow" or "deny", and not both`);
  const name = fields.allow === undefined ? 'deny' : 'allow';
  for (const action of textsOf(fields[name], name, where))
    if (!ACTIONS.includes(action))
      throw accessError(`${where}: "${name}" expected ${ACTIONS.join(', ')}, got ${JSON.stringify(short(action))}`);
  const topics = textsOf(fields.topic, 'topic', where);
  for (const topic of topics) checkFilter(topic, where);
  for (const key of ['identity', 'client'])
    if (fields[key] !== undefined)
      for (const text of textsOf(fields[key], key, where))
        if (text.length > MAX_IDENTITY_LENGTH || text.slice(0, -1).includes('*'))
          throw accessError(
            `${where}: "${key}" has ${JSON.stringify(short(text))}, which is too long or has a * before its end`,
          );
  return topics.length;
}

function checkFilter(topic: string, where: string): void {
  if (topic.startsWith('$share/'))
    throw accessError(`${where}: name the topic filter without $share and its name, which rules do not look at`);
  const problem = topicFilterProblem(topic);
  if (problem !== undefined) throw accessError(`${where}: the topic filter ${JSON.stringify(short(topic))} ${problem}`);
}

function textsOf(value: unknown, key: string, where: string): readonly string[] {
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  if (texts.length === 0) throw accessError(`${where}: "${key}" is an empty list`);
  for (const text of texts)
    if (typeof text !== 'string' || text === '')
      throw accessError(`${where}: "${key}" expected a text or a list of texts, got ${typeOf(text)}`);
  return texts as string[];
}

function listOf<T extends string>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function typeOf(value: unknown): string {
  if (value === '') return 'an empty text';
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : typeof value;
}

function short(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

function accessError(message: string): MqttError {
  return new MqttError('ERR_MQTT_ACCESS', message, { fault: 'usage' });
}
