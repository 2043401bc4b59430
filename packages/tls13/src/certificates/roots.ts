/**
 * Trusted roots, indexed by subject and parsed on demand: of the 140 roots of a system, a chain needs one or two.
 *
 * A root is trusted as it stands, whoever signed it: an intermediate among the roots ends a path, and so does a leaf that is presented byte for byte
 * as it is here (the self-signed certificate of one server, say). It must be valid and good for its use all the same.
 */
import { Alert } from '../alerts.ts';
import { equalBytes } from '../der.ts';
import { TlsError } from '../errors.ts';
import { readCertificatesPem } from '../pem.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { parseCertificate, readSubjectName } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';

interface Root {
  readonly der: Uint8Array;
  /** As soon as it was asked for: an error where it cannot be used. */
  parsed: ParsedCertificate | TlsError | undefined;
}

export class RootStore {
  readonly #bySubject: Map<string, Root[]> = new Map();
  #size: number = 0;

  /**
   * @param ders DER certificates, kept by reference
   * @throws TlsError ERR_TLS_CONFIG naming the first that is no certificate
   */
  constructor(ders: Iterable<Uint8Array> = []) {
    let index = 0;
    for (const der of ders) {
      try {
        this.#add(der);
      } catch (cause) {
        const message = `Root certificate ${index} (counted from 0) is not a DER certificate`;
        throw new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local', cause });
      }
      index++;
    }
  }

  /**
   * @param text PEM with one certificate or more
   * @throws TlsError ERR_TLS_PEM when there is none: an empty store would only show later, as an unknown CA
   */
  static fromPem(text: string): RootStore {
    const ders = readCertificatesPem(text);
    if (ders.length === 0)
      throw new TlsError(
        'ERR_TLS_PEM',
        Alert.INTERNAL_ERROR,
        'There is no certificate in the PEM text of the roots; it should have a -----BEGIN CERTIFICATE----- block',
        { fault: 'local' },
      );
    return new RootStore(ders);
  }

  /** How many certificates it holds. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param subject a name as ParsedCertificate.subjectName has it
   * @returns the roots of that name. One that cannot be parsed is passed over: a system's list may hold what is not supported here.
   */
  findBySubject(subject: DistinguishedName): ParsedCertificate[] {
    return this.#parse(subject).flatMap((root) => (root instanceof TlsError ? [] : [root]));
  }

  /** @returns why roots of that name cannot be used, for the person who put them there */
  findProblems(subject: DistinguishedName): TlsError[] {
    return this.#parse(subject).flatMap((root) => (root instanceof TlsError ? [root] : []));
  }

  /** Whether this very certificate is a root. */
  has(certificate: ParsedCertificate): boolean {
    const same = this.#bySubject.get(certificate.subjectName.normalized);
    return same?.some(({ der }) => equalBytes(der, certificate.der)) ?? false;
  }

  /** Every certificate, as DER. */
  *[Symbol.iterator](): IterableIterator<Uint8Array> {
    for (const roots of this.#bySubject.values()) for (const { der } of roots) yield der;
  }

  #add(der: Uint8Array): void {
    const subject = readSubjectName(der).normalized;
    const same = this.#bySubject.get(subject);
    const root: Root = { der, parsed: undefined };
    if (same === undefined) this.#bySubject.set(subject, [root]);
    else if (same.some((other) => equalBytes(other.der, der))) return;
    else same.push(root);
    this.#size++;
  }

  #parse(subject: DistinguishedName): (ParsedCertificate | TlsError)[] {
    return (this.#bySubject.get(subject.normalized) ?? []).map((root) => (root.parsed ??= parseRoot(root.der)));
  }
}

function parseRoot(der: Uint8Array): ParsedCertificate | TlsError {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof TlsError) return error;
    throw error;
  }
}
