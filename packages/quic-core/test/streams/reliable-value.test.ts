import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ReliableValue } from '../../src/streams/reliable-value.ts';

const test = suite('reliable value');

test('is pending until sent, and again when lost', () => {
  const value = new ReliableValue();
  assert.not(value.isPending);
  assert.ok(value.set(5));
  assert.ok(value.isPending);
  value.onSent();
  assert.not(value.isPending);
  assert.ok(value.onLost(5));
  assert.ok(value.isPending);
  assert.not(value.onLost(5), 'already pending');
  value.onSent();
  assert.ok(value.onAcked(5));
  assert.ok(value.isDelivered);
  assert.not(value.onAcked(5));
});

test('does not resend what a newer value has superseded', () => {
  const value = new ReliableValue();
  value.set(5);
  value.onSent();
  value.set(9);
  value.onSent();
  assert.not(value.onLost(5));
  assert.not(value.onAcked(5));
  assert.not(value.isDelivered);
  assert.ok(value.onLost(9));
});

test('does not resend what another transmission has delivered', () => {
  const value = new ReliableValue();
  value.set(5);
  value.onSent();
  assert.ok(value.onLost(5));
  value.onSent();
  assert.ok(value.onAcked(5));
  assert.not(value.onLost(5));
  assert.not(value.isPending);
});

test('an acknowledgement that comes while it waits to be resent is enough', () => {
  const value = new ReliableValue();
  value.set(5);
  value.onSent();
  value.onLost(5);
  value.onAcked(5);
  assert.not(value.isPending);
});

test('setting the same value again says nothing new', () => {
  const value = new ReliableValue();
  value.set(0);
  value.onSent();
  assert.not(value.set(0));
  assert.not(value.isPending);
});

test('a cancelled value is not resent, and can be said again', () => {
  const value = new ReliableValue();
  value.set(5);
  value.onSent();
  value.cancel();
  assert.not(value.onLost(5));
  assert.is(value.value, -1);
  // An owner that has only one value hands back whatever it is now.
  assert.not(value.onLost(value.value));
  assert.not(value.onAcked(value.value));
  assert.not(value.isPending);
  assert.ok(value.set(5));
});

test.run();
