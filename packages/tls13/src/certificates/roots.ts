/**
 * Trusted roots, indexed by subject and parsed on demand: the 140 roots of a system cost half a millisecond each to parse, and a chain needs
 * one or two.
 */
import { Alert } from '../alerts.ts';
import { equalBytes } from '../der.ts';
import { TlsError } from '../errors.ts';
import { readCertificatesPem } from '../pem.ts';
import { parseCertificate, readSubject } from './parse.ts';
import type { ParsedCertificate } from './parse.ts';

export class RootStore {
  readonly #bySubject: Map<string, Uint8Array[]> = new Map();
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
   * @param subject DER Name, one character per byte, as ParsedCertificate.subject
   * @returns the roots of that name. One that cannot be parsed is passed over: a system's list may hold what is not supported here.
   */
  findBySubject(subject: string): ParsedCertificate[] {
    const found: ParsedCertificate[] = [];
    for (const der of this.#bySubject.get(subject) ?? []) {
      try {
        found.push(parseCertificate(der));
      } catch (error) {
        if (!(error instanceof TlsError)) throw error;
      }
    }
    return found;
  }

  /** Whether this very certificate is a root. */
  has(certificate: ParsedCertificate): boolean {
    return this.#bySubject.get(certificate.subject)?.some((der) => equalBytes(der, certificate.der)) ?? false;
  }

  /** Every certificate, as DER. */
  *[Symbol.iterator](): IterableIterator<Uint8Array> {
    for (const ders of this.#bySubject.values()) yield* ders;
  }

  #add(der: Uint8Array): void {
    const subject = readSubject(der);
    const same = this.#bySubject.get(subject);
    if (same === undefined) this.#bySubject.set(subject, [der]);
    else if (same.some((other) => equalBytes(other, der))) return;
    else same.push(der);
    this.#size++;
  }
}
