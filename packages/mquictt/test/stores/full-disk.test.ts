/** A disk that fills up: a file system of its own of a few MB, in a namespace of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FullDiskReport } from './full-disk.ts';

const test = suite('full disk');

test('a full disk is survived: nothing acknowledged is lost, nothing is acknowledged meanwhile, and it goes on by itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mquictt-full-'));
  try {
    const mount = 'mount -t tmpfs -o size=6m tmpfs "$0"';
    if (spawnSync('unshare', ['-rm', 'sh', '-c', mount, folder]).status !== 0) {
      console.log(
        'A disk that fills up was not tried: user namespaces with a tmpfs are not allowed here (unshare -rm)',
      );
      return;
    }
    const script = fileURLToPath(new URL('full-disk.ts', import.meta.url));
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      ['-rm', 'sh', '-c', `${mount} && exec "$@"`, folder, process.execPath, ...process.execArgv, script, folder],
      { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' },
    );
    assert.is(status, 0, stderr);
    const report = JSON.parse(stdout) as FullDiskReport;
    assert.ok(report.before > 20, stdout);
    assert.is(report.failure, 'ERR_MQTT_STORE');
    assert.is(report.healthDuring, 'failing');
    assert.is(report.during, 0);
    assert.is(report.healthAfter, 'ok');
    assert.ok(report.after >= 20, stdout);
    assert.ok(report.recovery < 5_000, stdout);
    assert.equal(report.missing, []);
  } finally {
    rmdirSync(folder);
  }
});

test.run();
