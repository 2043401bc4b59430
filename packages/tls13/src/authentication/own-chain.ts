/** Our own Certificate and CertificateVerify (RFC 8446 §4.4.2, §4.4.3). The same for both roles. */
import type { CertificateCompressor, CertificateOffer, Credential, CredentialChooser } from '../config.ts';
import { ExtensionType } from '../extensions.ts';
import { writeCertificateStatus } from '../extensions/status-request.ts';
import { signatureContent, writeCertificateVerify } from '../messages/certificate-verify.ts';
import { writeCertificate } from '../messages/certificate.ts';
import { writeCompressedCertificate } from '../messages/compressed-certificate.ts';
import { MESSAGE_HEADER_LENGTH } from '../messages/handshake-message.ts';
import type { SignatureScheme } from '../provider.ts';
import { checkCredential } from '../settings.ts';

const NO_EXTENSIONS: ReadonlyMap<number, Uint8Array> = new Map<number, Uint8Array>();
const NO_CONTEXT: Uint8Array = new Uint8Array(0);

/** A credential with the scheme that it will sign with. */
export interface OwnCredential {
  readonly credential: Credential;
  readonly scheme: SignatureScheme;
}

export function chooseCredential(
  source: Credential | CredentialChooser,
  offer: CertificateOffer,
): Credential | undefined | 'wait' {
  return 'choose' in source ? source.choose(offer) : source;
}

/**
 * @returns undefined where the peer could not check any signature of the key (RFC 8446 §4.4.2.2, §4.4.3)
 * @throws TlsError ERR_TLS_CONFIG where a chooser gives one without a certificate
 */
export function fitCredential(credential: Credential | undefined, offer: CertificateOffer): OwnCredential | undefined {
  if (credential !== undefined) checkCredential(credential);
  const scheme = credential?.key.schemes.find((each) => offer.signatureSchemes.includes(each));
  return credential === undefined || scheme === undefined ? undefined : { credential, scheme };
}

/** What a peer may be sent besides the chain. */
export interface CertificateWishes {
  readonly wantsOcspResponse: boolean;
  /** Code points of the algorithms that the peer can undo. */
  readonly compressionAlgorithms: readonly number[];
}

/** @param compressors ours, best first. @returns Certificate or CompressedCertificate */
export function writeOwnCertificate(
  credential: Credential | undefined,
  wishes: CertificateWishes,
  compressors: readonly CertificateCompressor[],
): Uint8Array {
  if (credential === undefined) return writeCertificate({ certificateRequestContext: NO_CONTEXT, certificateList: [] });
  const { chain, ocspResponse } = credential;
  const staple = wishes.wantsOcspResponse ? ocspResponse : undefined;
  const compressor = compressors.find(({ algorithm }) => wishes.compressionAlgorithms.includes(algorithm));
  const key = `${compressor?.algorithm ?? 0} ${staple === undefined}`;
  const known = written.get(credential);
  const message = known?.get(key);
  if (message !== undefined) return message;

  const leafExtensions =
    staple === undefined
      ? NO_EXTENSIONS
      : new Map<number, Uint8Array>([[ExtensionType.STATUS_REQUEST, writeCertificateStatus(staple)]]);
  const plain = writeCertificate({
    certificateRequestContext: NO_CONTEXT,
    certificateList: chain.map((certData, i) => ({ certData, extensions: i === 0 ? leafExtensions : NO_EXTENSIONS })),
  });
  const best = compressor === undefined ? plain : compressed(plain, compressor);
  if (known === undefined) written.set(credential, new Map([[key, best]]));
  else known.set(key, best);
  return best;
}

/** Messages by credential: compressing costs more than a signature, and the message is always the same. */
const written = new WeakMap<Credential, Map<string, Uint8Array>>();

function compressed(certificate: Uint8Array, compressor: CertificateCompressor): Uint8Array {
  const body = certificate.subarray(MESSAGE_HEADER_LENGTH);
  const message = writeCompressedCertificate({
    algorithm: compressor.algorithm,
    uncompressedLength: body.length,
    compressedCertificateMessage: compressor.compress(body),
  });
  return message.length < certificate.length ? message : certificate;
}

/** @param transcriptHash of everything before this message */
export function writeOwnVerify(
  { credential, scheme }: OwnCredential,
  role: 'client' | 'server',
  transcriptHash: Uint8Array,
): Uint8Array {
  const signature = credential.key.sign(scheme, signatureContent(role, transcriptHash));
  return writeCertificateVerify({ algorithm: scheme, signature });
}
