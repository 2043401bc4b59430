/** Where the figures come from. */
import { execFileSync } from 'node:child_process';
import { arch, cpus, loadavg, platform, release } from 'node:os';

/** One line: processor, system, Node.js, commit, load. */
export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const load = (loadavg()[0] as number).toFixed(2);
  return [
    `${processors.length} x ${model}`,
    `${platform()} ${release()} ${arch()}`,
    `Node.js ${process.versions.node}`,
    `commit ${commit()}`,
    `load ${load}`,
    new Date().toISOString().slice(0, 10),
  ].join(', ');
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short', 'HEAD') + (isChanged ? ' and changes' : '');
  } catch {
    return 'unknown';
  }
}
