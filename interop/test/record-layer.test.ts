import {
  Alert,
  CIPHER_SUITES,
  EncryptionLevel,
  TLS_AES_128_GCM_SHA256,
  TlsError,
  alertName,
  type CipherSuite,
} from '@mquictt/tls13';
import { nodeProvider } from '@mquictt/tls13/node';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RecordKeys } from '../tls/record-keys.ts';
import { RecordLayer, type Incoming } from '../tls/record-layer.ts';
import { ContentType, MAX_EXPANSION, MAX_FRAGMENT_LENGTH, recordHeader } from '../tls/records.ts';

const { INITIAL, EARLY, HANDSHAKE, APPLICATION } = EncryptionLevel;
const EARLY_SECRET = new Uint8Array(32).fill(1);
const HANDSHAKE_SECRET = new Uint8Array(32).fill(2);
const APPLICATION_SECRET = new Uint8Array(32).fill(3);
const END_OF_EARLY_DATA = Uint8Array.of(5, 0, 0, 0);

const test = suite('record layer');

/** One that reads at a level. */
function reading(
  level: EncryptionLevel,
  secret: Uint8Array,
  cipherSuite: CipherSuite = TLS_AES_128_GCM_SHA256,
): RecordLayer {
  const layer = new RecordLayer(nodeProvider);
  layer.setReadSecret(level, cipherSuite, secret);
  return layer;
}

function keysOf(secret: Uint8Array, cipherSuite: CipherSuite = TLS_AES_128_GCM_SHA256): RecordKeys {
  return new RecordKeys(nodeProvider, cipherSuite, secret);
}

/** All that comes of some records, in pieces of a given size. */
function feed(layer: RecordLayer, records: readonly Uint8Array[], pieceSize = Infinity): Incoming[] {
  const bytes = Buffer.concat(records);
  const incoming: Incoming[] = [];
  for (let at = 0; at < bytes.length; at += pieceSize) {
    layer.push(bytes.subarray(at, at + pieceSize));
    for (let next = layer.next(); next !== undefined; next = layer.next()) incoming.push(next);
  }
  return incoming;
}

function refuses(layer: RecordLayer, records: readonly Uint8Array[], alert: Alert): void {
  try {
    feed(layer, records);
  } catch (error) {
    assert.instance(error, TlsError, String(error));
    assert.is(alertName((error as TlsError).alert), alertName(alert), (error as TlsError).message);
    return;
  }
  assert.unreachable(`expected ${alertName(alert)}`);
}

function plain(type: number, ...bytes: number[]): Uint8Array {
  return Uint8Array.of(...recordHeader(type, bytes.length), ...bytes);
}

/** As long as asked for, and no byte like its neighbour. */
function content(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

function dataOf(incoming: readonly Incoming[]): Uint8Array {
  return new Uint8Array(Buffer.concat(incoming.map((each) => (each.type === 'alert' ? new Uint8Array(0) : each.data))));
}

test('records are read however the bytes are cut', () => {
  const keys = keysOf(HANDSHAKE_SECRET);
  const records = [keys.seal(ContentType.HANDSHAKE, content(20)), keys.seal(ContentType.ALERT, Uint8Array.of(2, 40))];
  for (let size = 1; size <= 70; size++) {
    const incoming = feed(reading(HANDSHAKE, HANDSHAKE_SECRET), records, size);
    assert.equal(
      incoming.map((each) => ({ ...each, ...('data' in each ? { data: [...each.data] } : {}) })),
      [
        { type: 'handshake', level: HANDSHAKE, data: [...content(20)] },
        { type: 'alert', description: 40 },
      ],
    );
  }
});

test('what is more than a record holds goes into several, and comes out as it was', () => {
  for (const length of [1, MAX_FRAGMENT_LENGTH, MAX_FRAGMENT_LENGTH + 1, 40_000]) {
    for (const cipherSuite of CIPHER_SUITES) {
      const secret = new Uint8Array(cipherSuite.hashLength).fill(9);
      const writer = new RecordLayer(nodeProvider);
      writer.setWriteSecret(HANDSHAKE, cipherSuite, secret);
      const records = writer.write(ContentType.HANDSHAKE, HANDSHAKE, content(length));
      assert.is(records.length, Math.ceil(length / MAX_FRAGMENT_LENGTH));
      for (const record of records) assert.ok(record.length <= 5 + MAX_FRAGMENT_LENGTH + MAX_EXPANSION);
      assert.equal(dataOf(feed(reading(HANDSHAKE, secret, cipherSuite), records)), content(length));
    }
  }
});

test('without keys, what is more than a record holds goes into several as well', () => {
  const layer = new RecordLayer(nodeProvider);
  const records = layer.write(ContentType.HANDSHAKE, INITIAL, content(40_000));
  assert.is(records.length, 3);
  const incoming = feed(layer, records);
  assert.ok(incoming.every((each) => each.type === 'handshake' && each.level === INITIAL));
  assert.equal(dataOf(incoming), content(40_000));
});

test('nothing is written at a level that has no keys', () => {
  assert.throws(() => new RecordLayer(nodeProvider).write(ContentType.HANDSHAKE, HANDSHAKE, content(1)), /no keys/);
});

test('a record that was changed, repeated or left out is bad_record_mac', () => {
  const keys = keysOf(APPLICATION_SECRET);
  const [first, second] = [1, 2].map((byte) => keys.seal(ContentType.APPLICATION_DATA, Uint8Array.of(byte))) as [
    Uint8Array,
    Uint8Array,
  ];
  for (let at = 5; at < first.length; at++) {
    const changed = first.slice();
    changed[at] = (changed[at] as number) ^ 1;
    refuses(reading(APPLICATION, APPLICATION_SECRET), [changed], Alert.BAD_RECORD_MAC);
  }
  refuses(reading(APPLICATION, APPLICATION_SECRET), [first, first], Alert.BAD_RECORD_MAC);
  refuses(reading(APPLICATION, APPLICATION_SECRET), [second], Alert.BAD_RECORD_MAC);
  refuses(reading(APPLICATION, HANDSHAKE_SECRET), [first], Alert.BAD_RECORD_MAC);
  assert.equal(dataOf(feed(reading(APPLICATION, APPLICATION_SECRET), [first, second])), Uint8Array.of(1, 2));
});

test('a record shorter than a tag is bad_record_mac', () => {
  for (const length of [0, 1, 15, 16])
    refuses(
      reading(APPLICATION, APPLICATION_SECRET),
      [plain(ContentType.APPLICATION_DATA, ...content(length))],
      Alert.BAD_RECORD_MAC,
    );
});

test('a length that no record may have is record_overflow before the record has come', () => {
  const plainLimit = MAX_FRAGMENT_LENGTH;
  const protectedLimit = MAX_FRAGMENT_LENGTH + MAX_EXPANSION;
  const layer = (): RecordLayer => new RecordLayer(nodeProvider);
  refuses(layer(), [recordHeader(ContentType.HANDSHAKE, plainLimit + 1)], Alert.RECORD_OVERFLOW);
  assert.equal(feed(layer(), [recordHeader(ContentType.HANDSHAKE, plainLimit)]), []);
  const keyed = (): RecordLayer => reading(APPLICATION, APPLICATION_SECRET);
  refuses(keyed(), [recordHeader(ContentType.APPLICATION_DATA, protectedLimit + 1)], Alert.RECORD_OVERFLOW);
  assert.equal(feed(keyed(), [recordHeader(ContentType.APPLICATION_DATA, protectedLimit)]), []);
});

test('more content or padding than a record may hold is record_overflow', () => {
  const seal = (length: number, padding: number): Uint8Array =>
    keysOf(APPLICATION_SECRET).seal(ContentType.APPLICATION_DATA, content(length), padding);
  for (const record of [seal(MAX_FRAGMENT_LENGTH + 1, 0), seal(MAX_FRAGMENT_LENGTH, 1), seal(1, MAX_FRAGMENT_LENGTH)])
    refuses(reading(APPLICATION, APPLICATION_SECRET), [record], Alert.RECORD_OVERFLOW);
  for (const record of [seal(MAX_FRAGMENT_LENGTH, 0), seal(1, MAX_FRAGMENT_LENGTH - 1)])
    assert.is(feed(reading(APPLICATION, APPLICATION_SECRET), [record]).length, 1);
});

test('padding is taken off', () => {
  const record = keysOf(APPLICATION_SECRET).seal(ContentType.APPLICATION_DATA, Uint8Array.of(7, 0, 0), 100);
  assert.equal(dataOf(feed(reading(APPLICATION, APPLICATION_SECRET), [record])), Uint8Array.of(7, 0, 0));
});

test('empty records: application data may be, nothing else', () => {
  const empty = new Uint8Array(0);
  const sealed = (type: ContentType, padding = 0): Uint8Array => keysOf(APPLICATION_SECRET).seal(type, empty, padding);
  const layer = (): RecordLayer => reading(APPLICATION, APPLICATION_SECRET);
  assert.is(feed(layer(), [sealed(ContentType.APPLICATION_DATA)]).length, 1);
  refuses(layer(), [sealed(ContentType.HANDSHAKE)], Alert.UNEXPECTED_MESSAGE);
  refuses(layer(), [sealed(ContentType.HANDSHAKE, 10)], Alert.UNEXPECTED_MESSAGE);
  refuses(layer(), [sealed(ContentType.ALERT)], Alert.DECODE_ERROR);
  refuses(layer(), [sealed(0 as ContentType, 10)], Alert.UNEXPECTED_MESSAGE);
  refuses(new RecordLayer(nodeProvider), [plain(ContentType.HANDSHAKE)], Alert.UNEXPECTED_MESSAGE);
});

test('types that no record has are unexpected_message', () => {
  refuses(new RecordLayer(nodeProvider), [plain(24, 1)], Alert.UNEXPECTED_MESSAGE);
  refuses(new RecordLayer(nodeProvider), [plain(0x48, 1)], Alert.UNEXPECTED_MESSAGE);
  const inside = keysOf(APPLICATION_SECRET).seal(99 as ContentType, Uint8Array.of(1));
  refuses(reading(APPLICATION, APPLICATION_SECRET), [inside], Alert.UNEXPECTED_MESSAGE);
});

test('change_cipher_spec is passed over during the handshake only', () => {
  const message = plain(ContentType.CHANGE_CIPHER_SPEC, 1);
  assert.equal(feed(new RecordLayer(nodeProvider), [message]), []);
  assert.equal(feed(reading(HANDSHAKE, HANDSHAKE_SECRET), [message]), []);
  refuses(reading(APPLICATION, APPLICATION_SECRET), [message], Alert.UNEXPECTED_MESSAGE);
  refuses(new RecordLayer(nodeProvider), [plain(ContentType.CHANGE_CIPHER_SPEC, 2)], Alert.UNEXPECTED_MESSAGE);
  refuses(new RecordLayer(nodeProvider), [plain(ContentType.CHANGE_CIPHER_SPEC, 1, 1)], Alert.UNEXPECTED_MESSAGE);
});

test('records without protection where there has to be one are unexpected_message', () => {
  for (const [level, secret] of [
    [HANDSHAKE, HANDSHAKE_SECRET],
    [APPLICATION, APPLICATION_SECRET],
  ] as const)
    refuses(reading(level, secret), [plain(ContentType.HANDSHAKE, 1)], Alert.UNEXPECTED_MESSAGE);
  refuses(reading(APPLICATION, APPLICATION_SECRET), [plain(ContentType.ALERT, 2, 40)], Alert.UNEXPECTED_MESSAGE);
  // A peer that has failed with ServerHello has no keys for its alert.
  const alert = feed(reading(HANDSHAKE, HANDSHAKE_SECRET), [plain(ContentType.ALERT, 2, 40)]);
  assert.equal(alert, [{ type: 'alert', description: 40 }]);
});

test('application data before the handshake has ended is unexpected_message', () => {
  const record = keysOf(HANDSHAKE_SECRET).seal(ContentType.APPLICATION_DATA, content(3));
  refuses(reading(HANDSHAKE, HANDSHAKE_SECRET), [record], Alert.UNEXPECTED_MESSAGE);
  refuses(new RecordLayer(nodeProvider), [record], Alert.UNEXPECTED_MESSAGE);
});

test('early data is read until EndOfEarlyData, and the handshake behind it', () => {
  const layer = reading(EARLY, EARLY_SECRET);
  layer.setReadSecret(HANDSHAKE, TLS_AES_128_GCM_SHA256, HANDSHAKE_SECRET);
  const early = keysOf(EARLY_SECRET);
  const incoming = feed(layer, [
    early.seal(ContentType.APPLICATION_DATA, Uint8Array.of(1)),
    early.seal(ContentType.HANDSHAKE, END_OF_EARLY_DATA),
    keysOf(HANDSHAKE_SECRET).seal(ContentType.HANDSHAKE, Uint8Array.of(20)),
  ]);
  assert.equal(
    incoming.map((each) => ('level' in each ? `${each.type} ${each.level}` : each.type)),
    [`application-data ${EARLY}`, `handshake ${EARLY}`, `handshake ${HANDSHAKE}`],
  );
});

test('keys that come after EndOfEarlyData are used at once', () => {
  const layer = reading(EARLY, EARLY_SECRET);
  feed(layer, [keysOf(EARLY_SECRET).seal(ContentType.HANDSHAKE, END_OF_EARLY_DATA)]);
  layer.setReadSecret(HANDSHAKE, TLS_AES_128_GCM_SHA256, HANDSHAKE_SECRET);
  assert.is(layer.readLevel, HANDSHAKE);
});

test('refused early data is passed over, up to a limit and to the first record that opens', () => {
  const early = keysOf(EARLY_SECRET);
  const records = Array.from({ length: 3 }, () => early.seal(ContentType.APPLICATION_DATA, content(100)));
  const finished = keysOf(HANDSHAKE_SECRET).seal(ContentType.HANDSHAKE, Uint8Array.of(20));
  const layer = (limit: number): RecordLayer => {
    const refusing = reading(HANDSHAKE, HANDSHAKE_SECRET);
    refusing.skipEarlyData(limit);
    return refusing;
  };
  const size = 3 * (5 + 100 + 1 + 16);
  assert.equal(dataOf(feed(layer(size), [...records, finished])), Uint8Array.of(20));
  refuses(layer(size - 1), [...records, finished], Alert.BAD_RECORD_MAC);
  refuses(layer(size), [finished, ...records], Alert.BAD_RECORD_MAC);
});

test('early data refused by a HelloRetryRequest is passed over before there are keys', () => {
  const layer = new RecordLayer(nodeProvider);
  layer.skipEarlyData(1000);
  const early = keysOf(EARLY_SECRET).seal(ContentType.APPLICATION_DATA, content(100));
  assert.equal(dataOf(feed(layer, [early, plain(ContentType.HANDSHAKE, 1, 2)])), Uint8Array.of(1, 2));
});

test.run();
