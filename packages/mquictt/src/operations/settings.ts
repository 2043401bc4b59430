/**
 * What a configuration may say, as tables: key, kind, bounds, default, a sentence. Checking, errors, `--help-config` and docs/configuration.md all come from
 * them.
 */
import { nearest } from './nearest.ts';

interface About {
  /** One sentence or two, without what the kind says already. */
  readonly description: string;
  /** What holds where nothing is said, in words or as it would be written. */
  readonly default?: string;
}

export interface NumberSetting extends About {
  readonly kind: 'number';
  readonly min: number;
  /** Infinity = no bound; then Infinity itself is a value, where it can be written. */
  readonly max: number;
  readonly unit?: string;
  /** Whether it need not be whole. */
  readonly isFraction?: boolean;
}

export interface BooleanSetting extends About {
  readonly kind: 'boolean';
}

export interface TextSetting extends About {
  readonly kind: 'text';
  /** What it is: 'a path', 'host:port'. */
  readonly what: string;
}

export interface ChoiceSetting<T = string | number> extends About {
  readonly kind: 'choice';
  readonly choices: readonly T[];
}

export interface TextsSetting extends About {
  readonly kind: 'texts';
  readonly what: string;
}

export interface SectionSetting<T = never> extends About {
  readonly kind: 'section';
  readonly settings: [T] extends [never] ? Settings : SettingsOf<T>;
}

export interface ListSetting<T = never> extends About {
  readonly kind: 'list';
  readonly settings: [T] extends [never] ? Settings : SettingsOf<T>;
  /** Keys that every item has to have. */
  readonly required: readonly string[];
}

export type Setting =
  NumberSetting | BooleanSetting | TextSetting | ChoiceSetting | TextsSetting | SectionSetting | ListSetting;

export type Settings = Readonly<Record<string, Setting>>;

/** The kind of setting that a type needs. */
type SettingOf<T> = [T] extends [boolean]
  ? BooleanSetting
  : [T] extends [number]
    ? number extends T
      ? NumberSetting
      : ChoiceSetting<T>
    : [T] extends [string]
      ? string extends T
        ? TextSetting
        : ChoiceSetting<T>
      : [T] extends [readonly (infer Item)[]]
        ? [Item] extends [string]
          ? TextsSetting
          : ListSetting<Item>
        : SectionSetting<T>;

/** The table for an interface: a key that is missing here, or of another kind, does not compile. */
export type SettingsOf<T> = { readonly [Key in keyof T]-?: SettingOf<Exclude<T[Key], undefined>> };

/**
 * Compares a value with a table.
 *
 * @param path of the value, '' at the top
 * @returns what is wrong, a sentence each; none = it is as the table says
 */
export function problemsOf(value: unknown, settings: Settings, path: string = ''): string[] {
  if (!isObject(value))
    return [`${path === '' ? 'The configuration' : quoted(path)} expected an object, got ${shown(value)}`];
  return Object.entries(value).flatMap(([key, item]) => {
    const at = path === '' ? key : `${path}.${key}`;
    if (!Object.hasOwn(settings, key)) return [unknownKey(key, at, path, settings)];
    return item === undefined ? [] : problemsAt(item, settings[key], at);
  });
}

function problemsAt(value: unknown, setting: Setting, path: string): string[] {
  const wrong = (expected: string): string[] => [`${quoted(path)} expected ${expected}, got ${shown(value)}`];
  switch (setting.kind) {
    case 'section':
      return problemsOf(value, setting.settings, path);
    case 'list':
      if (!Array.isArray(value)) return wrong('a list');
      return value.flatMap((item, index) => {
        const at = `${path}[${index}]`;
        const missing = setting.required.filter((key) => isObject(item) && item[key] === undefined);
        return [
          ...problemsOf(item, setting.settings, at),
          ...missing.map((key) => `${quoted(at)} needs ${quoted(key)}: ${kindOf(setting.settings[key])}`),
        ];
      });
    case 'texts':
      return isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText))
        ? []
        : wrong(kindOf(setting));
    case 'text':
      return isText(value) ? [] : wrong(kindOf(setting));
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong(kindOf(setting));
    case 'choice':
      return (setting.choices as readonly unknown[]).includes(value) ? [] : wrong(kindOf(setting));
    case 'number':
      return isWithin(value, setting) ? [] : wrong(kindOf(setting));
  }
}

/** What a value has to be, in words. */
export function kindOf(setting: Setting): string {
  switch (setting.kind) {
    case 'section':
      return 'an object';
    case 'list':
      return 'a list of objects';
    case 'texts':
      return `${setting.what}, or a list of them`;
    case 'text':
      return setting.what;
    case 'boolean':
      return 'true or false';
    case 'choice':
      return setting.choices
        .map((choice) => JSON.stringify(choice))
        .join(', ')
        .replace(/, ([^,]*)$/, ' or $1');
    case 'number': {
      const { min, max, unit, isFraction } = setting;
      const range = max === Infinity ? `from ${min}` : `${min}..${max}`;
      return `a ${isFraction === true ? '' : 'whole '}number ${range}${unit === undefined ? '' : ` ${unit}`}`;
    }
  }
}

function isWithin(value: unknown, { min, max, isFraction }: NumberSetting): boolean {
  if (typeof value !== 'number') return false;
  if (isFraction !== true && !Number.isInteger(value) && value !== Infinity) return false;
  return value >= min && value <= max;
}

function unknownKey(key: string, at: string, path: string, settings: Settings): string {
  const keys = Object.keys(settings);
  const guess = nearest(key, keys);
  const advice = guess === undefined ? `known are ${keys.join(', ')}` : `did you mean ${quoted(guess)}?`;
  return `${quoted(path === '' ? clipped(key) : at)} is not known here: ${advice}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

function quoted(name: string): string {
  return `"${clipped(name)}"`;
}

/** A value as an error shows it. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? clipped(JSON.stringify(value)) : String(value);
}

function clipped(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
