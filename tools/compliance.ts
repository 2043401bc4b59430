/**
 * Writes docs/compliance.md: each normative statement of MQTT 5 and MQTT 3.1.1, and the tests that name it.
 *
 *     npm run compliance              writes the page
 *     npm run compliance -- --check   writes nothing; exits with 1 when the page is out of date
 *
 * A test names what it proves: `[MQTT-3.1.2-3]` is a statement of MQTT 5, `[MQTT311-3.1.2-3]` one of MQTT 3.1.1. Names are made in loops and from tables,
 * so what counts is an id anywhere in a test file but in a comment. The statements are test-vectors/mqtt*-statements.json; what is left out stands
 * with its reason in docs/compliance-exceptions.json.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

interface Statement {
  readonly id: string;
  readonly concerns: 'server' | 'client' | 'both';
  readonly statement: string;
}

interface StatementFile {
  readonly source: string;
  readonly sections: readonly {
    readonly section: string;
    readonly title: string;
    readonly statements: readonly Statement[];
  }[];
}

interface Exception {
  readonly reason: string;
  /** Ids as tests write them, without brackets. */
  readonly statements: readonly string[];
}

export interface Compliance {
  /** docs/compliance.md as it should be. */
  readonly page: string;
  /** Mistakes of ours, one sentence each. */
  readonly problems: readonly string[];
}

const PAGE = 'docs/compliance.md';
const EXCEPTIONS = 'docs/compliance-exceptions.json';

/** What ids of a version begin with in the names of tests. In the standards both begin with MQTT-. */
const VERSIONS = [
  { title: 'MQTT 5', prefix: 'MQTT-', file: 'test-vectors/mqtt5-statements.json' },
  { title: 'MQTT 3.1.1', prefix: 'MQTT311-', file: 'test-vectors/mqtt311-statements.json' },
] as const;

const ID = /\[(MQTT(?:311)?-\d[\d.]*-\d+)\]/g;

/** Returns the ids in the source of a test, without brackets, comments left out. */
export function idsOf(source: string): string[] {
  const code = source
    .split('\n')
    .filter((line) => !/^\s*(?:\/\/|\/\*|\*)/.test(line))
    // A comment at the end of a line.
    .map((line) => line.replace(/\s\/\/ .*$/, ''))
    .join('\n');
  return [...new Set([...code.matchAll(ID)].map((match) => match[1]))];
}

function testFiles(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return entry.name.endsWith('.test.ts') ? [path] : [];
    });
}

/** The paths of the test files that name each id, relative to packages/. */
function testsById(root: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const packages = join(root, 'packages');
  for (const name of readdirSync(packages).sort()) {
    for (const file of testFiles(join(packages, name, 'test'))) {
      const path = relative(packages, file).split(sep).join('/');
      for (const id of idsOf(readFileSync(file, 'utf8'))) found.set(id, [...(found.get(id) ?? []), path]);
    }
  }
  return found;
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** @param root the folder that holds packages/, docs/ and test-vectors/ */
export function readCompliance(root: string): Compliance {
  const tests = testsById(root);
  const problems: string[] = [];
  const reasons = new Map<string, string>();
  for (const { reason, statements } of readJson<Exception[]>(join(root, EXCEPTIONS))) {
    for (const id of statements) {
      if (reasons.has(id)) problems.push(`${EXCEPTIONS} leaves ${id} out twice`);
      if (tests.has(id)) problems.push(`${EXCEPTIONS} leaves ${id} out, but ${tests.get(id)?.join(', ')} names it`);
      reasons.set(id, reason);
    }
  }

  const known = new Set<string>();
  const summary: string[] = [];
  const tables: string[] = [];
  for (const { title, prefix, file } of VERSIONS) {
    const { source, sections } = readJson<StatementFile>(join(root, file));
    const count = { tested: 0, exempt: 0, open: 0, client: 0 };
    tables.push(`## ${title}`, '', `Source: ${source}`, '');
    for (const { section, title, statements } of sections) {
      tables.push(`### ${section} ${title}`, '', '| Id | In short | Tests |', '|---|---|---|');
      for (const { id: standardId, concerns, statement } of statements) {
        const id = standardId.replace('MQTT-', prefix);
        known.add(id);
        const files = tests.get(id);
        const reason = reasons.get(id);
        let proof: string;
        if (files !== undefined) {
          count.tested++;
          proof = files.map((path) => `[${shortPath(path)}](../packages/${path})`).join('<br>');
        } else if (concerns === 'client') {
          count.client++;
          proof = 'concerns clients';
        } else if (reason !== undefined) {
          count.exempt++;
          proof = `left out: ${reason}`;
        } else {
          count.open++;
          proof = '**no test yet**';
        }
        tables.push(`| ${id} | ${statement.replaceAll('|', '\\|')} | ${proof} |`);
      }
      tables.push('');
    }
    const { tested, exempt, open, client } = count;
    summary.push(`| ${title} | ${tested + exempt + open + client} | ${tested} | ${exempt} | ${open} | ${client} |`);
  }

  for (const [id, files] of tests)
    if (!known.has(id)) problems.push(`${files.join(', ')}: ${id} is no statement of the standard`);
  for (const id of reasons.keys())
    if (!known.has(id)) problems.push(`${EXCEPTIONS}: ${id} is no statement of the standard`);
  return { page: [...HEAD, ...summary, '', ...tables].join('\n').trimEnd() + '\n', problems };
}

function shortPath(path: string): string {
  return path.replace(/^mquictt\/test\//, '').replace(/\.test\.ts$/, '');
}

const HEAD: readonly string[] = [
  '# Compliance',
  '',
  'Each normative statement of MQTT 5 and MQTT 3.1.1, and the tests of the broker that name it. `npm run compliance` writes this page from the names of the tests,',
  'the lists in `test-vectors/` and the reasons in `compliance-exceptions.json`; do not edit it.',
  '',
  'Both standards are written for one connection that is one stream of bytes. On QUIC a connection has many streams, and a flow is what one of them carries. "Network Connection" reads',
  '',
  '- as flow for the framing of packets, topic aliases and sending again: a data stream that breaks a rule ends alone, with the reason code that DISCONNECT would have had;',
  '- as connection for CONNECT, keep-alive and the will. The control stream, like a connection over TCP or WebSocket, is both.',
  '',
  'The column "In short" is a reminder in our words. What counts is the standard. What only a client has to do is listed, and tested where our client has a test for it.',
  '',
  '| Version | Statements | Tested | Left out | No test yet | Clients only |',
  '|---|---|---|---|---|---|',
];

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { page, problems } = readCompliance(root);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  const path = join(root, PAGE);
  const isCurrent = existsSync(path) && readFileSync(path, 'utf8') === page;
  if (process.argv.includes('--check')) {
    if (!isCurrent) {
      console.error(`${PAGE} is out of date: npm run compliance`);
      process.exitCode = 1;
    }
  } else if (!isCurrent) {
    writeFileSync(path, page);
  }
}
