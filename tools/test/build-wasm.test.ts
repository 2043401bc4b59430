import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { committedModule, compileModule } from '../build-wasm.ts';

const test = suite('build-wasm');

test('the committed WebAssembly is what its source compiles to', () => {
  assert.ok(committedModule() === compileModule(), 'The source has changed: npm run build:wasm');
});

test('the committed WebAssembly is a module', () => {
  const base64 = [...committedModule().matchAll(/^ {2}'([\w+/=]+)'/gm)].map(([, line]) => line).join('');
  assert.is(Buffer.from(base64, 'base64').subarray(0, 4).toString('latin1'), '\0asm');
});

test.run();
