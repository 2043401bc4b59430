/** RFC 8448: every secret, Finished and binder from the messages and the private keys of the traces. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readServerShare, readClientShares } from '../../src/extensions/key-share.ts';
import { readOfferedPsks } from '../../src/extensions/pre-shared-key.ts';
import { ExtensionType, requireExtension } from '../../src/extensions.ts';
import { hkdfExpandLabel, resumptionPsk } from '../../src/key-schedule.ts';
import { readClientHello } from '../../src/messages/client-hello.ts';
import { readFinished } from '../../src/messages/finished.ts';
import { readNewSessionTicket } from '../../src/messages/new-session-ticket.ts';
import { readServerHello } from '../../src/messages/server-hello.ts';
import { NamedGroup, type CryptoProvider } from '../../src/provider.ts';
import { fromHex, toHex } from '../support/bytes.ts';
import {
  PROVIDERS,
  SUITE,
  TRACES,
  body,
  hashThrough,
  message,
  resumed,
  retry,
  schedules,
  secret,
  sharedSecret,
  simple,
  type Trace,
} from '../support/rfc8448.ts';

const { hash, hashLength } = SUITE;
const EMPTY = new Uint8Array(0);
const test = suite('RFC 8448 secrets');

/** The message before a Finished: what its MAC covers last. */
function beforeFinished(trace: Trace, finished: string): string {
  const names = Object.keys(trace.messages);
  return names[names.indexOf(finished) - 1] as string;
}

for (const { provider, keyShare } of PROVIDERS) {
  for (const trace of TRACES) {
    const name = `${provider.name}, ${trace.name}`;

    test(`${name}: both sides come from their private keys to one shared secret`, () => {
      const clientShares = requireExtension(
        readClientHello(body(trace, 'clientHello')).extensions,
        ExtensionType.KEY_SHARE,
      );
      const [client, ...others] = readClientShares(clientShares);
      const server = readServerShare(
        requireExtension(readServerHello(body(trace, 'serverHello')).extensions, ExtensionType.KEY_SHARE),
      );
      assert.is(others.length, 0);
      const group = trace === retry ? NamedGroup.SECP256R1 : NamedGroup.X25519;
      assert.is(client?.group, group);
      assert.is(server.group, group);
      const ofClient = keyShare(group, fromHex(trace.clientPrivateKey));
      const ofServer = keyShare(group, fromHex(trace.serverPrivateKey));
      assert.is(toHex(ofClient.publicKey), toHex(client.keyExchange));
      assert.is(toHex(ofServer.publicKey), toHex(server.keyExchange));
      assert.is(toHex(ofClient.sharedSecret(ofServer.publicKey) ?? EMPTY), sharedSecret(trace));
      assert.is(toHex(ofServer.sharedSecret(ofClient.publicKey) ?? EMPTY), sharedSecret(trace));
    });

    test(`${name}: the three phases of the key schedule`, () => {
      const expected = (figure: string, actual: Uint8Array): Uint8Array => {
        assert.is(toHex(actual), secret(trace, figure), figure);
        return actual;
      };
      const psk = trace.psk === undefined ? new Uint8Array(hashLength) : fromHex(trace.psk);
      const derived = (from: Uint8Array): Uint8Array =>
        hkdfExpandLabel(provider, hash, from, 'derived', provider.hash(hash, EMPTY), hashLength);
      const early = expected('early', provider.hkdfExtract(hash, EMPTY, psk));
      const salt = expected('derivedHandshake', derived(early));
      const handshake = expected('handshake', provider.hkdfExtract(hash, salt, fromHex(sharedSecret(trace))));
      const masterSalt = expected('derivedMaster', derived(handshake));
      expected('master', provider.hkdfExtract(hash, masterSalt, new Uint8Array(hashLength)));
    });

    test(`${name}: traffic, exporter and resumption secrets`, () => {
      const { handshake, master } = schedules(provider, trace);
      assert.is(toHex(handshake.clientTrafficSecret), secret(trace, 'clientHandshakeTraffic'));
      assert.is(toHex(handshake.serverTrafficSecret), secret(trace, 'serverHandshakeTraffic'));
      assert.is(toHex(master.clientTrafficSecret), secret(trace, 'clientApplicationTraffic'));
      assert.is(toHex(master.serverTrafficSecret), secret(trace, 'serverApplicationTraffic'));
      assert.is(toHex(master.exporterSecret()), secret(trace, 'exporterMaster'));
      const resumption = master.resumptionSecret(hashThrough(provider, trace, 'clientFinished'));
      assert.is(toHex(resumption), secret(trace, 'resumptionMaster'));
    });

    test(`${name}: both Finished messages`, () => {
      const { handshake } = schedules(provider, trace);
      const before = (finished: string): Uint8Array => hashThrough(provider, trace, beforeFinished(trace, finished));
      const verifyData = (finished: string): string => toHex(readFinished(body(trace, finished), hashLength));
      assert.is(toHex(handshake.serverVerifyData(before('serverFinished'))), verifyData('serverFinished'));
      assert.is(toHex(handshake.clientVerifyData(before('clientFinished'))), verifyData('clientFinished'));
      // Each side's MAC is under its own key, over its own transcript.
      assert.is.not(toHex(handshake.clientVerifyData(before('serverFinished'))), verifyData('serverFinished'));
      assert.is.not(toHex(handshake.clientVerifyData(before('serverFinished'))), verifyData('clientFinished'));
    });

    test(`${name}: the keys of the Finished messages`, () => {
      for (const side of ['server', 'client'] as const) {
        const key = finishedKey(provider, fromHex(secret(trace, `${side}HandshakeTraffic`)));
        const expected = trace.finishedKeys?.[side] ?? secret(trace, `${side}FinishedKey`);
        assert.is(toHex(key), expected);
        const last = beforeFinished(trace, `${side}Finished`);
        const mac = provider.hmac(hash, key, hashThrough(provider, trace, last));
        assert.is(toHex(mac), toHex(body(trace, `${side}Finished`)));
      }
    });

    test(`${name}: transcript hashes`, () => {
      const { truncatedClientHello: _, ...hashes } = trace.hashes ?? {};
      for (const [last, expected] of Object.entries(hashes))
        assert.is(toHex(hashThrough(provider, trace, last)), expected, last);
    });
  }

  test(`${provider.name}: the first share of the retried client is its x25519 key`, () => {
    const { extensions } = readClientHello(body(retry, 'firstClientHello'));
    const [first] = readClientShares(requireExtension(extensions, ExtensionType.KEY_SHARE));
    assert.is(first?.group, NamedGroup.X25519);
    const share = keyShare(NamedGroup.X25519, fromHex(retry.firstClientPrivateKey as string));
    assert.is(toHex(share.publicKey), toHex(first.keyExchange));
  });

  test(`${provider.name}: the ticket of section 3 gives the pre-shared key of section 4`, () => {
    const { ticketNonce } = readNewSessionTicket(body(simple, 'newSessionTicket'));
    assert.is(toHex(ticketNonce), simple.ticketNonce);
    const { master } = schedules(provider, simple);
    const resumption = master.resumptionSecret(hashThrough(provider, simple, 'clientFinished'));
    const psk = toHex(resumptionPsk(provider, SUITE, resumption, ticketNonce));
    assert.is(psk, secret(simple, 'resumption'));
    assert.is(psk, resumed.psk);
  });

  test(`${provider.name}: the binder covers the ClientHello up to the binders`, () => {
    const clientHello = message(resumed, 'clientHello');
    const { extensions } = readClientHello(clientHello.subarray(4));
    const { binders, bindersLength } = readOfferedPsks(requireExtension(extensions, ExtensionType.PRE_SHARED_KEY));
    const truncated = provider.hash(hash, clientHello.subarray(0, clientHello.length - bindersLength));
    assert.is(toHex(truncated), resumed.hashes?.['truncatedClientHello']);
    const { early } = schedules(provider, resumed);
    assert.equal(binders.map(toHex), [toHex(early.binder(truncated))]);
    assert.is.not(toHex(early.binder(provider.hash(hash, clientHello))), toHex(binders[0] as Uint8Array));
    // Without the pre-shared key there is no such binder.
    assert.is.not(toHex(schedules(provider, simple).early.binder(truncated)), toHex(binders[0] as Uint8Array));
  });

  test(`${provider.name}: the keys of the binder`, () => {
    const early = fromHex(secret(resumed, 'early'));
    const binderKey = hkdfExpandLabel(provider, hash, early, 'res binder', provider.hash(hash, EMPTY), hashLength);
    assert.is(toHex(binderKey), secret(resumed, 'binderKey'));
    assert.is(toHex(finishedKey(provider, binderKey)), resumed.finishedKeys?.['binder']);
  });

  test(`${provider.name}: early traffic and early exporter secret`, () => {
    const { early } = schedules(provider, resumed);
    const clientHelloHash = hashThrough(provider, resumed, 'clientHello');
    assert.is(toHex(early.clientEarlyTrafficSecret(clientHelloHash)), secret(resumed, 'clientEarlyTraffic'));
    assert.is(toHex(early.earlyExporterSecret(clientHelloHash)), secret(resumed, 'earlyExporterMaster'));
  });
}

/** RFC 8446 §4.4.4 */
function finishedKey(provider: CryptoProvider, baseKey: Uint8Array): Uint8Array {
  return hkdfExpandLabel(provider, hash, baseKey, 'finished', EMPTY, hashLength);
}

test.run();
