/** Checks that ServerHello and HelloRetryRequest have in common (RFC 8446 §4.1.3, §4.1.4). */
import { Alert } from '../alerts.ts';
import type { CipherSuite } from '../cipher-suites.ts';
import { equalBytes } from '../constant-time.ts';
import { TlsError, illegalParameter } from '../errors.ts';
import { ExtensionType } from '../extensions.ts';
import { SSL_3_0, TLS_1_2, TLS_1_3, readSelectedVersion } from '../extensions/supported-versions.ts';
import type { ServerHello } from '../messages/server-hello.ts';

// RFC 8446 §4.1.3: "DOWNGRD" and the version a server fell back to, in the last eight bytes of its random.
const DOWNGRADE_TO_TLS_1_2 = Uint8Array.of(0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01);
const DOWNGRADE_BELOW_TLS_1_2 = Uint8Array.of(0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x00);

/** @returns the suite that the server chose. */
export function checkServerHello(hello: ServerHello, cipherSuites: readonly CipherSuite[]): CipherSuite {
  checkVersion(hello);
  if (hello.legacySessionIdEcho.length > 0) throw illegalParameter('ServerHello echoes a session ID that was not sent');
  if (hello.legacyCompressionMethod !== 0) {
    throw illegalParameter(`ServerHello has compression method ${hello.legacyCompressionMethod}, expected 0`);
  }
  const suite = cipherSuites.find((each) => each.id === hello.cipherSuite);
  if (suite === undefined)
    throw illegalParameter(`ServerHello chose cipher suite ${hello.cipherSuite}, which was not offered`);
  return suite;
}

function checkVersion(hello: ServerHello): void {
  const selected = hello.extensions.get(ExtensionType.SUPPORTED_VERSIONS);
  if (selected === undefined) {
    const sentinel = hello.random.subarray(24);
    // RFC 8446 §4.1.3: a server that could do better was made to do worse by someone in between.
    if (equalBytes(sentinel, DOWNGRADE_TO_TLS_1_2) || equalBytes(sentinel, DOWNGRADE_BELOW_TLS_1_2)) {
      throw illegalParameter('ServerHello says that the version was downgraded');
    }
    // RFC 9001 §4.2: nothing older than TLS 1.3.
    throw tooOld();
  }
  // RFC 8446 §D.5
  if (hello.legacyVersion === SSL_3_0) throw tooOld();
  const version = readSelectedVersion(selected);
  // RFC 8446 §4.2.1: a version that was not offered.
  if (version !== TLS_1_3) throw illegalParameter(`ServerHello chose version ${version}, which was not offered`);
  if (hello.legacyVersion !== TLS_1_2) {
    throw illegalParameter(`ServerHello has legacy_version ${hello.legacyVersion}, expected ${TLS_1_2}`);
  }
}

function tooOld(): TlsError {
  return new TlsError('ERR_TLS_NEGOTIATION', Alert.PROTOCOL_VERSION, 'ServerHello chose a version before TLS 1.3');
}
