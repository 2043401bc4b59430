/**
 * Runs the benchmarks: every bench/*.bench.ts, or those whose name contains one of the arguments.
 *
 * One after another, each in a process of its own, so that no benchmark warms up or slows down the next.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const filters = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.ts'))
  .filter((file) => filters.length === 0 || filters.some((word) => file.includes(word)))
  .sort();

if (files.length === 0) {
  console.error('No benchmark matches');
  process.exitCode = 1;
}
for (const file of files) {
  console.log(`\n== ${file}`);
  const args = ['--expose-gc', '--conditions=@mquictt/source', '--import', 'tsx', folder + file];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
