import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPackage, storeError } from '../../src/stores/store.ts';

const test = suite('store');

test('a package that is missing is said with the command that installs it', async () => {
  const name = 'not-a-package-of-anybody';
  try {
    await loadPackage(name, 'A data folder', () => import(name));
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code?: unknown }).code, 'ERR_MQTT_STORE_PACKAGE');
    assert.is((error as Error).message, `A data folder needs the package ${name}: npm install ${name}`);
  }
});

test('a package that is there and cannot be loaded is not said to be missing', async () => {
  const load = async (): Promise<never> => {
    throw new Error('No native build was found');
  };
  try {
    await loadPackage('classic-level', 'A data folder', load);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /cannot be loaded: No native build was found/);
  }
});

test('an error of a store says what was tried and the innermost reason', () => {
  const cause = new Error('Database failed to open', { cause: new Error('No space left on device') });
  const error = storeError('The folder x cannot be opened', cause);
  assert.is(error.code, 'ERR_MQTT_STORE');
  assert.is(error.message, 'The folder x cannot be opened: No space left on device');
  assert.is(storeError('and again', error), error);
});

test.run();
