/** A broker whose store stops taking anything, and takes it again. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore, ReasonCode } from '../../src/index.ts';
import type { StoreOperation } from '../../src/index.ts';
import { decodeText } from '../../src/packets/utf8.ts';
import { rejection, until, withBroker } from '../support/loopback.ts';

const test = suite('failing store');

class FailingStore extends MemoryStore {
  isFull = false;
  isClosed = false;

  override async write(operations: readonly StoreOperation[]): Promise<void> {
    if (this.isFull) throw new Error('No space left on device');
    return super.write(operations);
  }

  override close(): Promise<void> {
    this.isClosed = true;
    return super.close();
  }
}

test('QoS 1 is refused and QoS 0 goes on while the store takes nothing, and the broker says why; then all is as before', async () => {
  const store = new FailingStore();
  const logs: string[] = [];
  const log = (level: string) => (fields: object, message: string) => {
    const { error } = fields as { error?: Error };
    logs.push(`${level} ${message}${error === undefined ? '' : `: ${error.message}`}`);
  };
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  await withBroker(
    async ({ broker, connect }) => {
      const [writer, reader] = [await connect('w'), await connect('r')];
      const subscriber = await reader.subscriber('live');
      const publisher = await writer.publisher('live', 'before', { qos: 1, retain: true });
      assert.equal(broker.problems(), []);
      store.isFull = true;
      // What finds out is not acknowledged before it is safe.
      const first = publisher.publish('while it fails', { qos: 1, retain: true });
      await until(() => broker.problems().length > 0);
      assert.match(broker.problems()[0], /No space left on device/);
      const second = await rejection(
        (await writer.publisher('other', 'qos 0', { qos: 0 })).publish('refused', { qos: 1 }),
      );
      assert.is(second.reasonCode, ReasonCode.QUOTA_EXCEEDED);
      await publisher.publish('live', { qos: 0 });
      store.isFull = false;
      await first;
      await until(() => broker.problems().length === 0);
      await publisher.publish('after', { qos: 1 });
      const texts: string[] = [];
      for (let i = 0; i < 4; i++) texts.push(decodeText((await subscriber.read()) ?? new Uint8Array(0)));
      assert.equal(texts, ['before', 'while it fails', 'live', 'after']);
    },
    { store, logger },
  );
  assert.ok(store.isClosed);
  assert.match(logs.join('\n'), /warn Sessions and messages are kept in memory/);
  assert.match(logs.join('\n'), /error The store cannot be written: .*No space left on device/);
  assert.match(logs.join('\n'), /info The store can be written again/);
});

test.run();
