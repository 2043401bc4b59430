/** Reader, writer and message buffer. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '@mquictt/testkit';
import { Alert, alertName } from '../src/alerts.ts';
import { asciiBytes, latin1Text } from '../src/ascii.ts';
import { Reader, Writer } from '../src/codec.ts';
import { equalBytes } from '../src/constant-time.ts';
import { TlsError } from '../src/errors.ts';
import { MAX_MESSAGE_LENGTH } from '../src/limits.ts';
import { MessageBuffer } from '../src/message-buffer.ts';
import { isDnsName, isIpLiteral } from '../src/server-name.ts';
import { concat, fromHex, toHex } from './support/bytes.ts';

const test = suite('codec');

function isDecodeError(error: unknown): boolean {
  return error instanceof TlsError && error.alert === Alert.DECODE_ERROR && error.fault === 'peer';
}

test('integers are big-endian', () => {
  const bytes = new Writer().uint8(0x01).uint16(0x0203).uint24(0x040506).uint32(0xfffefdfc).finish();
  assert.is(toHex(bytes), '010203040506fffefdfc');
  const reader = new Reader(bytes, 'test');
  assert.equal(
    [reader.uint8(), reader.uint16(), reader.uint24(), reader.uint32()],
    [0x01, 0x0203, 0x040506, 0xfffefdfc],
  );
  reader.end();
});

test('vectors carry their length in one, two or three bytes', () => {
  const bytes = new Writer()
    .vector8(Uint8Array.of(1))
    .vector16((writer) => writer.uint8(2).vector8(Uint8Array.of(3)))
    .vector24(new Uint8Array(0))
    .finish();
  assert.is(toHex(bytes), '01010003020103000000');
  const reader = new Reader(bytes, 'test');
  assert.equal(reader.vector8(), Uint8Array.of(1));
  assert.equal(reader.vector16(), Uint8Array.of(2, 1, 3));
  assert.equal(reader.vector24(), new Uint8Array(0));
  reader.end();
});

test('reading past the end is a decode_error, whatever is read', () => {
  const reads: ((reader: Reader) => unknown)[] = [
    (reader) => reader.uint8(),
    (reader) => reader.uint16(),
    (reader) => reader.uint24(),
    (reader) => reader.uint32(),
    (reader) => reader.bytes(4),
    (reader) => reader.vector8(),
    (reader) => reader.vector16(),
    (reader) => reader.vector24(),
  ];
  const full = fromHex('03000300');
  for (const read of reads) assert.throws(() => read(new Reader(new Uint8Array(0), 'test')), isDecodeError);
  for (const read of reads.slice(4)) assert.throws(() => read(new Reader(full.subarray(0, 3), 'test')), isDecodeError);
});

test('vectors outside of their bounds are a decode_error', () => {
  assert.throws(() => new Reader(Uint8Array.of(0), 'test').vector8(1), isDecodeError);
  assert.throws(() => new Reader(Uint8Array.of(2, 0, 0), 'test').vector8(0, 1), isDecodeError);
  assert.throws(() => new Reader(Uint8Array.of(0, 0), 'test').vector16(1), isDecodeError);
  assert.throws(() => new Reader(Uint8Array.of(0, 0, 0), 'test').vector24(1), isDecodeError);
});

test('bytes behind the end are a decode_error', () => {
  assert.throws(() => new Reader(Uint8Array.of(0), 'test').end(), isDecodeError);
});

test('a writer grows and refuses what does not fit', () => {
  const long = seededRandom(1).bytes(70_000);
  assert.equal(new Writer().vector24(long).finish().subarray(3), long);
  assert.throws(() => new Writer().vector16(long), RangeError);
  assert.throws(() => new Writer().vector8(new Uint8Array(256)), RangeError);
  assert.throws(() => new Writer().uint8(256), RangeError);
  assert.throws(() => new Writer().uint8(-1), RangeError);
});

test('a message buffer gives whole messages back from any pieces', () => {
  const random = seededRandom(2);
  const messages = Array.from({ length: 30 }, (_, i) => {
    const body = random.bytes(random.integer(i % 5 === 0 ? 2000 : 20));
    return concat(Uint8Array.of(i), Uint8Array.of(0, body.length >> 8, body.length & 0xff), body);
  });
  const all = concat(...messages);
  for (const maxPiece of [1, 2, 3, 7, 100, 5000, all.length]) {
    const buffer = new MessageBuffer();
    const taken: Uint8Array[] = [];
    for (let at = 0; at < all.length;) {
      const end = Math.min(all.length, at + 1 + random.integer(maxPiece));
      const piece = all.slice(at, end);
      buffer.append(piece);
      piece.fill(0xee);
      at = end;
      for (let message = buffer.take(); message !== undefined; message = buffer.take()) {
        assert.is(message.type, message.raw[0]);
        assert.equal(message.body, message.raw.subarray(4));
        taken.push(message.raw);
      }
    }
    assert.equal(taken, messages);
    assert.is(buffer.length, 0);
    assert.is(buffer.nextType(), undefined);
  }
});

test('a message buffer refuses a message by its header when it is too large', () => {
  const buffer = new MessageBuffer();
  buffer.append(Uint8Array.of(1, 1, 0, 1));
  assert.throws(() => buffer.take(), isDecodeError);
  const largest = new MessageBuffer();
  largest.append(Uint8Array.of(1, 1, 0, 0));
  assert.is(largest.take(), undefined);
  largest.append(new Uint8Array(MAX_MESSAGE_LENGTH));
  assert.is(largest.take()?.body.length, MAX_MESSAGE_LENGTH);
});

test('comparison is by content and length', () => {
  assert.ok(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  assert.not(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  assert.not(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(0, 2)));
  assert.not(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)));
  assert.ok(equalBytes(new Uint8Array(0), new Uint8Array(0)));
});

test('text is ASCII going out and any byte coming in', () => {
  assert.equal(asciiBytes('tls13'), new Uint8Array(Buffer.from('tls13')));
  assert.throws(() => asciiBytes('ü'), RangeError);
  assert.is(latin1Text(Uint8Array.of(0x41, 0xff, 0)), 'A\u00ff\0');
});

test('names and addresses are told apart', () => {
  for (const name of ['localhost', 'a.b', 'xn--bcher-kva.example', 'under_score.example', '1.example', '3com.com']) {
    assert.ok(isDnsName(name), name);
    assert.not(isIpLiteral(name), name);
  }
  for (const address of ['127.0.0.1', '::1', 'fe80::1%eth0', '1', '0x7f.1']) {
    assert.ok(isIpLiteral(address), address);
    assert.not(isDnsName(address), address);
  }
  for (const name of [
    '',
    '.',
    'a..b',
    '.a',
    'a.',
    'a b',
    'a\0b',
    'ü.example',
    `${'a'.repeat(64)}.b`,
    'a.'.repeat(130),
  ]) {
    assert.not(isDnsName(name), name);
  }
});

test('alerts have the names of the RFC', () => {
  assert.is(alertName(Alert.NO_APPLICATION_PROTOCOL), 'no_application_protocol');
  assert.is(alertName(200), 'alert_200');
});

test.run();
