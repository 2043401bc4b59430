import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkLayers, importsOf } from '../check-layers.ts';

const test = suite('check-layers');

/** Checks a repository that holds tls13 and quic-core, and the given files. */
function check(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'layers-'));
  try {
    const tls13 = { name: '@mquictt/tls13', dependencies: { '@noble/hashes': '2.0.0' } };
    const core = { name: '@mquictt/quic-core', dependencies: { '@mquictt/tls13': '0.1.0' } };
    for (const [path, text] of Object.entries({
      'packages/tls13/package.json': JSON.stringify(tls13),
      'packages/quic-core/package.json': JSON.stringify(core),
      ...files,
    })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return checkLayers(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('imports that point down are fine', () => {
  const problems = check({
    'packages/quic-core/src/a.ts': `import { x } from '@mquictt/tls13';\nimport './b.ts';\n`,
    'packages/quic-core/src/node/index.ts': `import { y } from '@mquictt/tls13/node';\nimport fs from 'node:fs';\n`,
    'packages/tls13/src/a.ts': `import { sha256 } from '@noble/hashes/sha2.js';\n`,
  });
  assert.equal(problems, []);
});

test('a peer dependency is declared as well', () => {
  const manifest = { name: 'mquictt', peerDependencies: { 'classic-level': '^3.0.0' } };
  const problems = check({
    'packages/mquictt/package.json': JSON.stringify(manifest),
    'packages/mquictt/src/a.ts': `const x = await import('classic-level');\n`,
  });
  assert.equal(problems, []);
});

const WRONG: readonly (readonly [string, string, string, RegExp])[] = [
  ['up', 'tls13/src/a.ts', `import type { x } from '@mquictt/quic-core';`, /must not know/],
  ['to the test kit', 'quic-core/src/a.ts', `export * from '@mquictt/testkit';`, /must not know/],
  ['around the exports', 'quic-core/src/a.ts', `import x from '../../tls13/src/a.ts';`, /leaves the src/],
  ['of Node in the core', 'tls13/src/a.ts', `import fs from 'node:fs';`, /may import from Node/],
  ['of a runtime subpath in the core', 'quic-core/src/a.ts', `import '@mquictt/tls13/node';`, /tied to one runtime/],
  ['of its own runtime subpath', 'tls13/src/a/b.ts', `import '../node/index.ts';`, /a subpath built on it/],
  ['of what is not declared', 'tls13/src/a.ts', `const x = await import('left-pad');`, /not in the dependencies/],
];

for (const [name, path, source, expected] of WRONG) {
  test(`finds an import ${name}`, () => {
    const problems = check({ [`packages/${path}`]: `${source}\n` });
    assert.is(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] as string, expected);
  });
}

test('an example does not show the test kit, its test may', () => {
  const source = `import { Pair } from '@mquictt/testkit';\n`;
  assert.is(check({ 'examples/demo.ts': source }).length, 1);
  assert.is(check({ 'examples/test/demo.test.ts': source }).length, 0);
});

test('a package that nobody placed is reported', () => {
  assert.is(check({ 'packages/new/package.json': '{"name":"@mquictt/new"}' }).length, 1);
});

test('reads imports over several lines and skips comments', () => {
  const source = `import {\n  a,\n} from 'one';\nimport 'two';\nexport * from "three";\n// import 'four';\n * import 'five';\n`;
  assert.equal(importsOf(source), ['one', 'two', 'three']);
});

test.run();
