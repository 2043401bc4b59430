/** RFC 8448: every record opens under the keys of our schedule to the trace's messages, and seals to the trace's bytes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hkdfExpandLabel } from '../../src/key-schedule.ts';
import type { CryptoProvider } from '../../src/provider.ts';
import { concat, fromHex, toHex } from '../support/bytes.ts';
import {
  PROVIDERS,
  SUITE,
  TRACES,
  hashThrough,
  message,
  schedules,
  type Trace,
  type TraceRecord,
} from '../support/rfc8448.ts';

/** ContentType of RFC 8446 §5.1. */
const CONTENT_TYPES = { change_cipher_spec: 20, alert: 21, handshake: 22, application_data: 23 } as const;
const EMPTY = new Uint8Array(0);
const test = suite('RFC 8448 records');

type Protections = TraceRecord['protection'];

/** The traffic secret of each protection, from our key schedule and not from the trace. */
function trafficSecrets(provider: CryptoProvider, trace: Trace): Record<Exclude<Protections, 'none'>, Uint8Array> {
  const { early, handshake, master } = schedules(provider, trace);
  return {
    clientEarly: early.clientEarlyTrafficSecret(hashThrough(provider, trace, 'clientHello')),
    clientHandshake: handshake.clientTrafficSecret,
    serverHandshake: handshake.serverTrafficSecret,
    clientApplication: master.clientTrafficSecret,
    serverApplication: master.serverTrafficSecret,
  };
}

function content(trace: Trace, { messages, payload }: TraceRecord): Uint8Array {
  return messages === undefined ? fromHex(payload ?? '') : concat(...messages.map((name) => message(trace, name)));
}

for (const { provider } of PROVIDERS) {
  for (const trace of TRACES) {
    test(`${provider.name}, ${trace.name}: keys and initialisation vectors`, () => {
      const secrets = trafficSecrets(provider, trace);
      for (const [protection, expected] of Object.entries(trace.trafficKeys)) {
        const secret = secrets[protection as keyof typeof secrets];
        const { hash, keyLength } = SUITE;
        assert.is(toHex(hkdfExpandLabel(provider, hash, secret, 'key', EMPTY, keyLength)), expected?.key, protection);
        assert.is(toHex(hkdfExpandLabel(provider, hash, secret, 'iv', EMPTY, 12)), expected?.iv, protection);
      }
    });

    test(`${provider.name}, ${trace.name}: records`, () => {
      const sequenceNumbers = new Map<Protections, number>();
      for (const entry of trace.records) {
        const record = fromHex(entry.record);
        const header = record.subarray(0, 5);
        const fragment = record.subarray(5);
        const plaintext = content(trace, entry);
        const type = CONTENT_TYPES[entry.messages === undefined ? (entry.type ?? 'alert') : 'handshake'];
        assert.is(fragment.length, (header[3] as number) * 256 + (header[4] as number));
        if (entry.protection === 'none') {
          assert.is(header[0], type);
          assert.is(toHex(fragment), toHex(plaintext));
          continue;
        }
        // RFC 8446 §5.2: TLSInnerPlaintext; §5.3: the sequence number in the last bytes of the nonce.
        const inner = concat(plaintext, Uint8Array.of(type));
        const keys = trace.trafficKeys[entry.protection];
        const sequenceNumber = sequenceNumbers.get(entry.protection) ?? 0;
        sequenceNumbers.set(entry.protection, sequenceNumber + 1);
        const nonce = fromHex(keys?.iv ?? '');
        nonce[11] = (nonce[11] as number) ^ sequenceNumber;
        const aead = provider.aead(SUITE.aead, fromHex(keys?.key ?? ''));
        assert.is(toHex(aead.open(nonce, header, fragment) ?? EMPTY), toHex(inner));
        assert.is(toHex(aead.seal(nonce, header, inner)), toHex(fragment));
        const changed = Uint8Array.from(fragment);
        changed[0] = (changed[0] as number) ^ 1;
        assert.is(aead.open(nonce, header, changed), undefined);
      }
    });
  }
}

test('every message of a trace is in one record', () => {
  for (const trace of TRACES) {
    const sent = trace.records.flatMap(({ messages = [] }) => messages);
    assert.equal([...sent].sort(), Object.keys(trace.messages).sort());
  }
});

test.run();
