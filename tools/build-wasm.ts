/**
 * Compiles packages/quic-core/wasm/ from AssemblyScript to WebAssembly, and writes what comes out as a TypeScript module, so that neither a
 * bundler nor a loader has to know of it. The result is committed: who installs or builds the packages needs no compiler. A test checks that it
 * is what the source gives.
 *
 *     npm run build:wasm
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMPILER = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
const SOURCE = 'packages/quic-core/wasm/chacha20-poly1305.ts';
const TARGET = 'packages/quic-core/src/node/chacha20-poly1305.wasm.ts';

/** The memory is of a fixed size, as growing it would detach all views: a page has 64 KiB. */
const PAGES = '1';
const OPTIONS = ['-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert'];
const MEMORY = ['--initialMemory', PAGES, '--maximumMemory', PAGES];

/** Characters of base64 in a line. */
const LINE = 100;

/** What is committed. */
export function committedModule(): string {
  return readFileSync(join(ROOT, TARGET), 'utf8');
}

/**
 * Compiles the source.
 *
 * @returns the text of the TypeScript module
 * @throws Error with what the compiler says
 */
export function compileModule(): string {
  return moduleText(compile());
}

/**
 * @param addition - more source behind it, by which tests reach what is not exported
 * @returns the WebAssembly
 * @throws Error with what the compiler says
 */
export function compile(addition: string = ''): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'build-wasm-'));
  try {
    writeFileSync(join(folder, 'source.ts'), readFileSync(join(ROOT, SOURCE), 'utf8') + addition);
    const args = [COMPILER, 'source.ts', ...OPTIONS, ...MEMORY, '--outFile', 'out.wasm'];
    const { status, stderr, error } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`The compiler failed\n${error?.message ?? stderr}`);
    return readFileSync(join(folder, 'out.wasm'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function moduleText(wasm: Buffer): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(ROOT, SOURCE)))
    .digest('hex');
  const base64 = wasm.toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < base64.length; at += LINE) lines.push(`  '${base64.slice(at, at + LINE)}'`);
  return [
    '/**',
    ` * ${SOURCE} as WebAssembly, in base64. Written by tools/build-wasm.ts: change that source instead.`,
    ' *',
    ` * ${wasm.length} bytes; SHA-256 of the source ${hash}`,
    ' */',
    'export const CHACHA20_POLY1305_WASM: string =',
    `${lines.join(' +\n')};`,
    '',
  ].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(join(ROOT, TARGET), compileModule());
}
