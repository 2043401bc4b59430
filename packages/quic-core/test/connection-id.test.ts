import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnectionId, connectionIdKey } from '../src/connection-id.ts';
import { check, fc } from './support/property.ts';

const test = suite('connection IDs');

test('keys are equal exactly where the bytes are', () => {
  const id = fc.uint8Array({ minLength: 0, maxLength: 20 });
  check(
    fc.property(id, id, fc.nat(5), (a, b, at) => {
      const buffer = new Uint8Array(at + a.length + 3).fill(0xee);
      buffer.set(a, at);
      const first = new ConnectionId(a);
      const second = new ConnectionId(b);
      const equal = Buffer.compare(a, b) === 0;
      assert.is(connectionIdKey(buffer, at, a.length), first.key);
      assert.is(first.key === second.key, equal);
      assert.is(first.equals(second), equal);
      assert.ok(first.matches(buffer, at, a.length));
      assert.is(second.matches(buffer, at, a.length), equal);
      assert.ok(ConnectionId.read(buffer, at, a.length).equals(first));
    }),
  );
});

test('an ID keeps a copy', () => {
  const bytes = Uint8Array.of(1, 2, 3, 255);
  const id = new ConnectionId(bytes);
  bytes.fill(0);
  assert.is(String(id), '010203ff');
  assert.is(id.length, 4);
});

test.run();
