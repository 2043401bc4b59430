/**
 * Checks that packages import downwards only, and only what their package.json declares.
 *
 * The arrows are the figure in CONTRIBUTING.md: tls13 <- quic-core <- quic-node <- mquictt, and testkit beside them for
 * tests and benchmarks. Comments are skipped line by line, so an import in an `@example` does not count.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What the sources of each package may import from the other packages. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  '@mquictt/tls13': [],
  '@mquictt/quic-core': ['@mquictt/tls13'],
  '@mquictt/quic-node': ['@mquictt/quic-core', '@mquictt/tls13'],
  mquictt: ['@mquictt/quic-node', '@mquictt/quic-core', '@mquictt/tls13'],
  '@mquictt/testkit': ['@mquictt/quic-node', '@mquictt/quic-core', '@mquictt/tls13'],
};

/** Packages that run anywhere, with the folders under src/ that are exempt because they are subpaths for one runtime. */
const CORE: Readonly<Record<string, readonly string[]>> = {
  '@mquictt/tls13': ['node', 'development-certificates'],
  '@mquictt/quic-core': ['node'],
};

const IMPORT = /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g;

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  /** What only those install who want what it is for. */
  peerDependencies?: Record<string, string>;
}

/** Returns the module specifiers that `source` imports, exports from or loads with `import()`. */
export function importsOf(source: string): string[] {
  const code = source
    .split('\n')
    .filter((line) => !/^\s*(?:\/\/|\/\*|\*)/.test(line))
    .join('\n');
  return [...code.matchAll(IMPORT)].map((match) => match[2] as string);
}

function sourceFiles(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' ? [] : sourceFiles(path);
    return /\.[cm]?[jt]s$/.test(entry.name) ? [path] : [];
  });
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Says what is wrong with one import of one source file of a package, or returns undefined. */
function problemOf(specifier: string, file: string, src: string, manifest: Manifest): string | undefined {
  const exempt = CORE[manifest.name];
  const top = relative(src, file).split(sep)[0] as string;
  const isCore = exempt !== undefined && !exempt.includes(top);

  if (specifier.startsWith('.')) {
    const target = relative(src, resolve(dirname(file), specifier));
    if (target.startsWith('..')) return 'leaves the src folder of its package';
    if (isCore && exempt.includes(target.split(sep)[0] as string)) return 'the core imports a subpath built on it';
    return undefined;
  }
  if (specifier.startsWith('node:')) return isCore ? 'only a ./node subpath may import from Node' : undefined;

  const name = packageName(specifier);
  if (name === manifest.name) return 'a package imports itself by name';
  if (name in ALLOWED) {
    if (!ALLOWED[manifest.name]?.includes(name)) return `${manifest.name} must not know ${name}`;
    if (isCore && specifier !== name) return 'the core imports a subpath that is tied to one runtime';
  }
  if (manifest.dependencies?.[name] === undefined && manifest.peerDependencies?.[name] === undefined)
    return `${name} is not in the dependencies of ${manifest.name}`;
  return undefined;
}

/**
 * Checks a whole repository.
 *
 * @param root - the folder that holds packages/ and examples/
 * @returns one line per problem, empty when all arrows point down
 */
export function checkLayers(root: string): string[] {
  const problems: string[] = [];
  const report = (file: string, specifier: string, problem: string): void => {
    problems.push(`${relative(root, file)}: '${specifier}': ${problem}`);
  };

  for (const entry of readdirSync(join(root, 'packages'))) {
    const dir = join(root, 'packages', entry);
    if (!existsSync(join(dir, 'package.json'))) continue;
    const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Manifest;
    const allowed = ALLOWED[manifest.name];
    if (allowed === undefined) {
      problems.push(`packages/${entry}: ${manifest.name} has no place in tools/check-layers.ts`);
      continue;
    }
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (name in ALLOWED && !allowed.includes(name)) {
        report(join(dir, 'package.json'), name, `${manifest.name} must not depend on ${name}`);
      }
    }
    const src = join(dir, 'src');
    for (const file of sourceFiles(src)) {
      for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
        const problem = problemOf(specifier, file, src, manifest);
        if (problem !== undefined) report(file, specifier, problem);
      }
    }
  }

  const examples = join(root, 'examples');
  for (const file of sourceFiles(examples)) {
    if (relative(examples, file).split(sep)[0] === 'test') continue;
    for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
      if (packageName(specifier) === '@mquictt/testkit')
        report(file, specifier, 'an example shows public packages only');
    }
  }
  return problems;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = checkLayers(fileURLToPath(new URL('..', import.meta.url)));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
