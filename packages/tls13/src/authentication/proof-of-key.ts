/** Messages that prove something: CertificateVerify that the peer has the key of its certificate, Finished that nobody changed a byte (RFC 8446 §4.4.3, §4.4.4). */
import { Alert } from '../alerts.ts';
import { equalBytes } from '../constant-time.ts';
import { TlsError, illegalParameter } from '../errors.ts';
import { readCertificateVerify, signatureContent } from '../messages/certificate-verify.ts';
import { readFinished } from '../messages/finished.ts';
import type { CryptoProvider, SignatureScheme } from '../provider.ts';

/**
 * @param schemes those we offered, among which PKCS#1 v1.5 never is
 * @param publicKeyInfo of the leaf of a verified chain
 * @param transcriptHash of everything before this message
 */
export function checkCertificateVerify(
  body: Uint8Array,
  who: 'server' | 'client',
  provider: CryptoProvider,
  schemes: readonly SignatureScheme[],
  publicKeyInfo: Uint8Array,
  transcriptHash: Uint8Array,
): void {
  const { algorithm, signature } = readCertificateVerify(body);
  const scheme = schemes.find((each) => each === algorithm);
  if (scheme === undefined)
    throw illegalParameter(`CertificateVerify uses signature scheme ${algorithm}, which was not offered`);
  if (!provider.verify(publicKeyInfo, scheme, signatureContent(who, transcriptHash), signature)) {
    throw new TlsError(
      'ERR_TLS_AUTHENTICATION',
      Alert.DECRYPT_ERROR,
      `The signature in CertificateVerify of the ${who} is wrong: it does not have the key of its certificate`,
    );
  }
}

/** @param expected verify_data as we computed it */
export function checkFinished(body: Uint8Array, who: 'server' | 'client', expected: Uint8Array): void {
  if (!equalBytes(readFinished(body, expected.length), expected))
    throw new TlsError('ERR_TLS_AUTHENTICATION', Alert.DECRYPT_ERROR, `The Finished of the ${who} is wrong`);
}
