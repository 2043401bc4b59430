/**
 * The client against OpenSSL, as node:tls carries it: messages, transcript, key schedule and signatures of someone else.
 * A record layer (RFC 8446 §5) of thirty lines stands in for QUIC; it exists here only.
 *
 * Left out: our server against OpenSSL. Its client always sends the legacy_session_id that QUIC forbids.
 */
import { createCipheriv, createDecipheriv, type CipherGCMTypes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { TLSSocket, createSecureContext } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TEST_UNIX_TIME, testCertificatePem } from '@mquictt/testkit';
import type { TestCredentialKind } from '@mquictt/testkit';
import { CIPHER_SUITES, TLS_AES_128_GCM_SHA256, type CipherSuite } from '../src/cipher-suites.ts';
import { ClientHandshake } from '../src/client-handshake.ts';
import { EncryptionLevel } from '../src/handshake.ts';
import { hkdfExpandLabel } from '../src/key-schedule.ts';
import { nobleProvider } from '../src/providers/noble.ts';
import { NamedGroup } from '../src/provider.ts';
import { concat } from './support/bytes.ts';
import { ALPN, clientConfig } from './support/handshakes.ts';

const { INITIAL, APPLICATION } = EncryptionLevel;
const HANDSHAKE_RECORD = 22;
const APPLICATION_DATA_RECORD = 23;
/** RFC 8446 §D.4: sent for middleboxes and without meaning. */
const CHANGE_CIPHER_SPEC_RECORD = 20;

const test = suite('openssl');

/** The keys of one direction of one level. */
class RecordKeys {
  readonly #cipher: string;
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;
  #sequence = 0;

  constructor(suite: CipherSuite, secret: Uint8Array) {
    this.#cipher = suite.aead;
    this.#key = hkdfExpandLabel(nobleProvider, suite.hash, secret, 'key', new Uint8Array(0), suite.keyLength);
    this.#iv = hkdfExpandLabel(nobleProvider, suite.hash, secret, 'iv', new Uint8Array(0), 12);
  }

  seal(content: Uint8Array): Uint8Array {
    const plaintext = concat(content, Uint8Array.of(HANDSHAKE_RECORD));
    const header = recordHeader(APPLICATION_DATA_RECORD, plaintext.length + 16);
    const cipher = createCipheriv(this.#cipher as CipherGCMTypes, this.#key, this.#nonce(), { authTagLength: 16 });
    cipher.setAAD(header);
    return concat(header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  }

  /** @returns the content of a handshake record, undefined for other records. */
  open(header: Uint8Array, body: Uint8Array): Uint8Array | undefined {
    const decipher = createDecipheriv(this.#cipher as CipherGCMTypes, this.#key, this.#nonce(), { authTagLength: 16 });
    decipher.setAAD(header);
    decipher.setAuthTag(body.subarray(body.length - 16));
    const plaintext = concat(decipher.update(body.subarray(0, -16)), decipher.final());
    return plaintext.at(-1) === HANDSHAKE_RECORD ? plaintext.subarray(0, -1) : undefined;
  }

  #nonce(): Uint8Array {
    const nonce = this.#iv.slice();
    nonce[11] = (nonce[11] as number) ^ this.#sequence++;
    return nonce;
  }
}

function recordHeader(type: number, length: number): Uint8Array {
  return Uint8Array.of(type, 3, 3, length >> 8, length & 0xff);
}

/** The client's end of a stream to node:tls. */
class ClientStream extends Duplex {
  readonly #client: ClientHandshake;
  readonly ticketLevels: EncryptionLevel[] = [];
  readonly #writeKeys = new Map<EncryptionLevel, RecordKeys>();
  readonly #readKeys: { level: EncryptionLevel; keys: RecordKeys }[] = [];
  #received: Uint8Array = new Uint8Array(0);

  constructor(client: ClientHandshake) {
    super();
    this.#client = client;
  }

  begin(): void {
    this.#client.start(TEST_UNIX_TIME);
    this.#pump();
  }

  override _read(): void {}

  /** What the server writes. */
  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#received = concat(this.#received, chunk);
    try {
      this.#readRecords();
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  #readRecords(): void {
    for (;;) {
      const data = this.#received;
      const length = ((data[3] ?? 0) << 8) | (data[4] ?? 0);
      if (data.length < 5 || data.length < 5 + length) return;
      this.#received = data.subarray(5 + length);
      const header = data.subarray(0, 5);
      if (header[0] === CHANGE_CIPHER_SPEC_RECORD) continue;
      const body = data.subarray(5, 5 + length);
      const reading = this.#readKeys.at(-1);
      const isPlain = header[0] === HANDSHAKE_RECORD;
      const content = isPlain ? body : reading?.keys.open(header, body);
      if (content === undefined) continue;
      const level = isPlain ? INITIAL : (reading?.level ?? INITIAL);
      const isTicket = this.#client.isComplete;
      this.#client.handleMessages(level, content, TEST_UNIX_TIME);
      this.#pump();
      if (!isTicket) continue;
      this.ticketLevels.push(level);
      this.emit('ticket');
    }
  }

  #pump(): void {
    for (let event = this.#client.nextEvent(); event !== undefined; event = this.#client.nextEvent()) {
      if (event.type === 'read-secret') {
        this.#readKeys.push({ level: event.level, keys: new RecordKeys(event.suite, event.secret) });
      } else if (event.type === 'write-secret') {
        this.#writeKeys.set(event.level, new RecordKeys(event.suite, event.secret));
      } else if (event.type === 'send') {
        const { data } = event;
        const record = this.#writeKeys.get(event.level)?.seal(data);
        this.push(record ?? concat(recordHeader(HANDSHAKE_RECORD, data.length), data));
      }
    }
  }
}

interface Result {
  readonly client: ClientHandshake;
  readonly cipher: string;
  readonly alpnProtocol: string | false | null;
  readonly clientLog: readonly string[];
  readonly opensslLog: readonly string[];
  /** The level of each record that came after the handshake. */
  readonly ticketLevels: readonly EncryptionLevel[];
}

interface Options {
  readonly suite: CipherSuite;
  readonly kind?: TestCredentialKind;
  readonly groups?: readonly NamedGroup[];
  /** The one group that OpenSSL accepts. */
  readonly curve?: string;
  readonly requestCert?: boolean;
}

async function handshake(options: Options): Promise<Result> {
  const { certificatePem, keyPem } = testCertificatePem(options.kind ?? 'ecdsa-p256');
  const clientLog: string[] = [];
  const opensslLog: string[] = [];
  const config = clientConfig({
    cipherSuites: [options.suite],
    keyLog: (line) => clientLog.push(line),
    ...(options.groups === undefined ? {} : { groups: options.groups }),
  });
  const client = new ClientHandshake(config, { serverName: 'localhost', extensions: [] });
  return new Promise<Result>((resolve, reject) => {
    const stream = new ClientStream(client);
    stream.on('error', reject);
    const secureContext = createSecureContext({
      cert: certificatePem,
      key: keyPem,
      minVersion: 'TLSv1.3',
      ...(options.curve === undefined ? {} : { ecdhCurve: options.curve }),
    });
    const socket = new TLSSocket(stream, {
      isServer: true,
      secureContext,
      ALPNProtocols: [ALPN],
      requestCert: options.requestCert ?? false,
      rejectUnauthorized: false,
    });
    socket.on('keylog', (line: Buffer) => opensslLog.push(line.toString('latin1').trim()));
    socket.on('error', reject);
    socket.on('secure', () => {
      const { name } = socket.getCipher();
      // Two tickets follow the handshake, behind this event.
      const finish = (): void => {
        const { ticketLevels } = stream;
        if (ticketLevels.length < 2) {
          stream.once('ticket', finish);
          return;
        }
        resolve({ client, cipher: name, alpnProtocol: socket.alpnProtocol, clientLog, opensslLog, ticketLevels });
        socket.destroy();
      };
      finish();
    });
    stream.begin();
  });
}

function assertAgreed({ client, cipher, alpnProtocol, clientLog, opensslLog }: Result, expected: CipherSuite): void {
  assert.ok(client.isComplete);
  assert.is(cipher, expected.name);
  assert.is(alpnProtocol, ALPN);
  assert.is(clientLog.length, 5);
  // OpenSSL writes the same lines in an order of its own.
  for (const line of clientLog)
    assert.ok(opensslLog.includes(line), `OpenSSL derived another secret: ${line.split(' ')[0]}`);
}

for (const cipherSuite of CIPHER_SUITES) {
  test(`client agrees with OpenSSL on every secret of ${cipherSuite.name}`, async () => {
    assertAgreed(await handshake({ suite: cipherSuite }), cipherSuite);
  });
}

for (const kind of ['ed25519', 'rsa-2048', 'ecdsa-p384', 'rsa-chain'] as const) {
  test(`client accepts OpenSSL with ${kind}`, async () => {
    assertAgreed(await handshake({ suite: TLS_AES_128_GCM_SHA256, kind }), TLS_AES_128_GCM_SHA256);
  });
}

test('client agrees with OpenSSL over secp256r1', async () => {
  const options = { suite: TLS_AES_128_GCM_SHA256, groups: [NamedGroup.SECP256R1] };
  assertAgreed(await handshake(options), TLS_AES_128_GCM_SHA256);
});

for (const cipherSuite of CIPHER_SUITES) {
  test(`client agrees with OpenSSL after a HelloRetryRequest, ${cipherSuite.name}`, async () => {
    const options = { suite: cipherSuite, groups: [NamedGroup.X25519, NamedGroup.SECP256R1], curve: 'P-256' };
    assertAgreed(await handshake(options), cipherSuite);
  });
}

test('client without certificate satisfies an OpenSSL that asks for one', async () => {
  assertAgreed(await handshake({ suite: TLS_AES_128_GCM_SHA256, requestCert: true }), TLS_AES_128_GCM_SHA256);
});

test('client drops the tickets of OpenSSL', async () => {
  const { client, ticketLevels } = await handshake({ suite: TLS_AES_128_GCM_SHA256 });
  assert.is(client.nextEvent(), undefined);
  // Two by default, each in a record of its own.
  assert.equal(ticketLevels, [APPLICATION, APPLICATION]);
});

test.run();
