import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startNode, type Child } from '../children.ts';

const test = suite<{ child: Child; events: object[] }>('children');
const PATIENCE = 30_000;

test.before.each((context) => {
  context.events = [];
  context.child = startNode(new URL('fixtures/child.ts', import.meta.url), {
    name: 'the child',
    onEvent: (event) => context.events.push(event),
  });
});
test.after.each(({ child }) => child.stop());

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.unreachable('it should have failed') as never,
    (error: unknown) => error as Error,
  );
}

test('a command is answered, and several may be under way', async ({ child }) => {
  const slow = child.request('later', { ms: 50, value: 'slow' }, PATIENCE);
  const quick = child.request('later', { ms: 0, value: 'quick' }, PATIENCE);
  assert.is(await Promise.race([slow, quick]), 'quick');
  assert.is(await slow, 'slow');
  assert.is(await child.request('add', { a: 2, b: 3 }, PATIENCE), 5);
  assert.is(await child.request('nothing', {}, PATIENCE), null);
});

test('a command that throws fails the request with its message, and the child goes on', async ({ child }) => {
  const error = await failureOf(child.request('fail', {}, PATIENCE));
  assert.is(error.message, 'the child: it went wrong');
  assert.match(String(error.cause), 'TypeError: it went wrong');
  assert.match((await failureOf(child.request('dance', {}, PATIENCE))).message, 'There is no command dance');
  assert.is(await child.request('add', { a: 1, b: 1 }, PATIENCE), 2);
});

test('events arrive, and other output does not disturb', async ({ child, events }) => {
  await child.request('tell', {}, PATIENCE);
  assert.equal(events, [{ news: 1 }]);
});

test('a child that does not answer in time is killed', async ({ child }) => {
  await child.request('nothing', {}, PATIENCE);
  const error = await failureOf(child.request('block', {}, 200));
  assert.is(error.message, "the child: no answer to 'block' within 200 ms");
  await child.stop();
  assert.not.ok(child.isAlive);
});

test('a child that ends fails what is under way and what comes after', async ({ child }) => {
  assert.is((await failureOf(child.request('exit', {}, PATIENCE))).message, 'the child: ended with exit code 3');
  assert.is((await failureOf(child.request('nothing', {}, PATIENCE))).message, 'the child: ended with exit code 3');
});

test('a child ends by itself when its stdin does', async ({ child }) => {
  await child.request('nothing', {}, PATIENCE);
  await child.stop();
  assert.not.ok(child.isAlive);
});

test.run();
