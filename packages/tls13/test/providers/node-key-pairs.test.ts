import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('key pairs of the node provider');

// On Node 20, exporting as JWK a key that was generated as a KeyObject waits for itself when the garbage collector comes in between; a small young generation
// makes it come often: the process used to hang within some thousand pairs.
test('many key exchanges do not hang the process', () => {
  const module = new URL('../../src/node/key-exchange.ts', import.meta.url).href;
  const program = `
    const { answerKeyShare, generateKeyShares } = await import(${JSON.stringify(module)});
    const kept = [];
    for (let round = 0; round < 30_000; round++) kept[round % 256] = generateKeyShares([0x1d])[0];
    for (const { publicKey, sharedSecret } of kept) {
      const answer = answerKeyShare(0x1d, publicKey);
      if (sharedSecret(answer.publicKey)?.length !== 32) throw new Error('no secret');
    }
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
