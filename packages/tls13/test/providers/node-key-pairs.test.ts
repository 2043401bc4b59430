import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('key pairs of the node provider');

// On Node 20, exporting as JWK a key that was generated as a KeyObject waits for itself when the garbage collector comes in between; a small young generation
// makes it come often: the process used to hang within a thousand pairs.
test('many key exchanges do not hang the process', () => {
  const module = new URL('../../src/node/key-exchange.ts', import.meta.url).href;
  const program = `
    const { answerKeyShare, generateKeyShares } = await import(${JSON.stringify(module)});
    for (let round = 0; round < 6000; round++) {
      const [share] = generateKeyShares([0x1d]);
      const answer = answerKeyShare(0x1d, share.publicKey);
      if (share.sharedSecret(answer.publicKey)?.length !== 32) throw new Error('no secret');
    }
    for (let round = 0; round < 200; round++) generateKeyShares([0x11ec, 0x1d, 0x17]);
    console.log('done');`;
  const { stdout, stderr, signal } = spawnSync(
    process.execPath,
    [
      '--max-semi-space-size=1',
      '--conditions=@mquictt/source',
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      program,
    ],
    { timeout: 30_000, killSignal: 'SIGKILL', encoding: 'utf8', cwd: fileURLToPath(new URL('.', import.meta.url)) },
  );
  assert.is(signal, null, 'it hung');
  assert.is(stdout.trim(), 'done', stderr);
});

test.run();
