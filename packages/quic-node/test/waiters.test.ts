import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeRuntime } from '../src/node-runtime.ts';
import { WaiterQueue } from '../src/waiters.ts';

const test = suite('waiters');

test('serves those who came first', async () => {
  const queue = new WaiterQueue<number>();
  const served: number[] = [];
  const all = [1, 2, 3].map((who) => queue.wait(undefined).then((what) => served.push(who, what)));
  assert.is(queue.size, 3);
  assert.ok(queue.resolveNext(10));
  assert.ok(queue.resolveNext(20));
  queue.resolveAll(30);
  assert.not(queue.resolveNext(40));
  await Promise.all(all);
  assert.equal(served, [1, 10, 2, 20, 3, 30]);
});

test('forgets one who is aborted, with the reason of the signal', async () => {
  const queue = new WaiterQueue<number>();
  const controller = new AbortController();
  const first = queue.wait(undefined, { signal: controller.signal });
  const second = queue.wait(undefined);
  const reason = new Error('changed my mind');
  controller.abort(reason);
  assert.is(await first.catch((error: unknown) => error), reason);
  assert.is(queue.size, 1);
  queue.resolveNext(2);
  assert.is(await second, 2);
});

test('does not even begin for a signal that was aborted before', async () => {
  const queue = new WaiterQueue<number>();
  const reason = new Error('too late');
  assert.is(
    await queue.wait(undefined, { signal: AbortSignal.abort(reason) }).catch((error: unknown) => error),
    reason,
  );
  assert.is(queue.size, 0);
});

test('an abort after the fact changes nothing, and leaves no listener behind', async () => {
  const queue = new WaiterQueue<number>();
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  const waiting = queue.wait(undefined, { signal });
  assert.is(listeners, 1);
  queue.resolveNext(7);
  controller.abort();
  assert.is(await waiting, 7);
  assert.is(listeners, 0);
});

test('gives up after its time', async () => {
  const queue = new WaiterQueue<number>();
  const keepAlive = setTimeout(() => {}, 10_000);
  const timeout = { runtime: nodeRuntime, timeout: 5, error: () => new Error('nobody came') };
  const error = await queue.wait(undefined, { timeout }).catch((error: unknown) => error as Error);
  clearTimeout(keepAlive);
  assert.is((error as Error).message, 'nobody came');
  assert.is(queue.size, 0);
});

test('all can be told of an error', async () => {
  const queue = new WaiterQueue<number>();
  const error = new Error('over');
  const all = Promise.allSettled([queue.wait(undefined), queue.wait(undefined)]);
  queue.rejectAll(error);
  for (const result of await all) assert.is((result as PromiseRejectedResult).reason, error);
  assert.is(queue.size, 0);
});

test.run();
