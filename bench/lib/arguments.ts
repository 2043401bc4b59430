/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';

export interface Arguments {
  /** Benchmarks to run; empty means all. */
  names: string[];
  /** Print the rows as JSON and nothing else. */
  json: boolean;
  /** Short measurements, for trying things out. */
  quick: boolean;
  /** Run the sources instead of what the build makes of them. */
  source: boolean;
}

/** @throws TypeError for options that do not exist */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      source: { type: 'boolean', default: false },
    },
  });
  return { names: positionals, ...values } as Arguments;
}

/**
 * Picks the benchmarks that were asked for: the one with exactly that name, or else all whose name contains it. Without names, all but those that only run
 * on request.
 *
 * @throws RangeError for a name that is none
 */
export function select<T extends { name: string; onRequest?: boolean }>(
  all: readonly T[],
  names: readonly string[],
): T[] {
  if (names.length === 0) return all.filter(({ onRequest }) => onRequest !== true);
  const picked = new Set<T>();
  for (const name of names) {
    const exact = all.filter((item) => item.name === name);
    const matches = exact.length > 0 ? exact : all.filter((item) => item.name.includes(name));
    if (matches.length === 0) {
      throw new RangeError(`There is no benchmark ${name}; there are ${all.map((item) => item.name).join(', ')}`);
    }
    for (const match of matches) picked.add(match);
  }
  return all.filter((item) => picked.has(item));
}
