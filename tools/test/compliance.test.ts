import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf, readCompliance } from '../compliance.ts';
import type { Compliance } from '../compliance.ts';

const test = suite('compliance');

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A repository with three statements of MQTT 5 and one of MQTT 3.1.1, and one test file. */
function read(testSource: string, exceptions: unknown[] = []): Compliance {
  const root = mkdtempSync(join(tmpdir(), 'compliance-'));
  const list = (...statements: unknown[]): unknown => ({
    source: 'the standard',
    sections: [{ section: '1.0.0', title: 'Things', statements }],
  });
  try {
    for (const [path, text] of Object.entries({
      'packages/mquictt/test/some/things.test.ts': testSource,
      'packages/mquictt/test/support/names.ts': `export const x = '[MQTT-1.0.0-1]';\n`,
      'test-vectors/mqtt5-statements.json': list(
        { id: 'MQTT-1.0.0-1', concerns: 'server', statement: 'One' },
        { id: 'MQTT-1.0.0-2', concerns: 'both', statement: 'Two' },
        { id: 'MQTT-1.0.0-3', concerns: 'client', statement: 'Three' },
      ),
      'test-vectors/mqtt311-statements.json': list({ id: 'MQTT-1.0.0-1', concerns: 'server', statement: 'Old' }),
      'docs/compliance-exceptions.json': exceptions,
    })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), typeof text === 'string' ? text : JSON.stringify(text));
    }
    return readCompliance(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** The rows of the tables. */
const rows = ({ page }: Compliance): string[] => page.split('\n').filter((line) => line.startsWith('| MQTT'));

test('docs/compliance.md is what npm run compliance writes, and every id in a name is a statement', () => {
  const { page, problems } = readCompliance(ROOT);
  assert.equal(problems, []);
  assert.is(readFileSync(join(ROOT, 'docs/compliance.md'), 'utf8'), page, 'npm run compliance has not been run');
});

test('a statement is tested, left out, for clients only, or open; each version has its own ids', () => {
  const compliance = read(`test('[MQTT-1.0.0-1] one', () => {});\n`, [
    { reason: 'Later', statements: ['MQTT-1.0.0-2'] },
  ]);
  assert.equal(compliance.problems, []);
  assert.equal(rows(compliance), [
    '| MQTT 5 | 3 | 1 | 1 | 0 | 1 |',
    '| MQTT 3.1.1 | 1 | 0 | 0 | 1 | 0 |',
    '| MQTT-1.0.0-1 | One | [some/things](../packages/mquictt/test/some/things.test.ts) |',
    '| MQTT-1.0.0-2 | Two | left out: Later |',
    '| MQTT-1.0.0-3 | Three | concerns clients |',
    '| MQTT311-1.0.0-1 | Old | **no test yet** |',
  ]);
});

test('an id that the standard does not have, and an exception that has a test, are problems', () => {
  const names = `test('[MQTT-1.0.0-1] [MQTT311-1.0.0-2] one', () => {});\n`;
  const { problems } = read(names, [{ reason: 'Later', statements: ['MQTT-1.0.0-1', 'MQTT-1.0.0-4'] }]);
  assert.is(problems.length, 3, problems.join('\n'));
  assert.match(problems.join('\n'), /leaves MQTT-1\.0\.0-1 out, but mquictt\/test\/some\/things\.test\.ts names it/);
  assert.match(problems.join('\n'), /MQTT311-1\.0\.0-2 is no statement/);
  assert.match(problems.join('\n'), /MQTT-1\.0\.0-4 is no statement/);
});

test('ids in comments do not count', () => {
  const source = [
    '/** [MQTT-1.0.0-1] */',
    ' * [MQTT-1.0.0-2]',
    '  // [MQTT-1.0.0-3]',
    '  check(); // [MQTT-1.0.0-4]',
    "refusal('[MQTT-1.0.0-5]', `[MQTT311-1.0.0-10] a`); // [MQTT-1.0.0-6]",
  ];
  assert.equal(idsOf(source.join('\n')), ['MQTT-1.0.0-5', 'MQTT311-1.0.0-10']);
});

test.run();
