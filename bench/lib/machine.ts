/** Where the figures come from. */
import { execFileSync } from 'node:child_process';
import { arch, cpus, loadavg, platform, release } from 'node:os';

/** One line: processor, system, Node.js, commit. */
export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  return [
    `${processors.length} x ${model}`,
    `${platform()} ${release()} ${arch()}`,
    `Node.js ${process.versions.node}`,
    `commit ${commit()}`,
    new Date().toISOString().slice(0, 10),
  ].join(', ');
}

/** Processes that wanted a processor in the last minute: what is measured on a busy machine says little. */
export function describeLoad(): string {
  return (loadavg()[0] as number).toFixed(2);
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
