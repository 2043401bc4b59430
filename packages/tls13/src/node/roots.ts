/**
 * The roots that a Node program trusts by default, gathered as the `tls` module does: Node's own list and NODE_EXTRA_CA_CERTS, and, as OpenSSL's tools
 * read it, SSL_CERT_FILE.
 */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Alert } from '../alerts.ts';
import { RootStore } from '../certificates/roots.ts';
import { TlsError } from '../errors.ts';
import { readCertificatesPem } from '../pem.ts';

let roots: RootStore | undefined;

/**
 * @returns tls.rootCertificates, those of NODE_EXTRA_CA_CERTS and those of SSL_CERT_FILE. The files are read at the first call and never again.
 *
 * A file that cannot be read gives a process warning (`MQUICTT_CA_FILE`) and is left out, as Node itself does: fewer roots are never less safe,
 * and the handshake that needs one of them says which.
 */
export function defaultRoots(): RootStore {
  roots ??= loadDefaultRoots(process.env, (message) => {
    process.emitWarning(message, { code: 'MQUICTT_CA_FILE' });
  });
  return roots;
}

/** What defaultRoots() does, with the environment and the warnings handed in. */
export function loadDefaultRoots(
  environment: Readonly<Record<string, string | undefined>>,
  warn: (message: string) => void,
): RootStore {
  const ders = rootCertificates.flatMap((pem) => readCertificatesPem(pem));
  for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']) {
    const path = environment[name];
    if (path === undefined || path === '') continue;
    try {
      ders.push(...rootsFromFile(path));
    } catch (error) {
      warn(`${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return new RootStore(ders);
}

/**
 * @param path a PEM file of one certificate or more
 * @throws TlsError ERR_TLS_CONFIG when it cannot be read, ERR_TLS_PEM when it holds no certificate
 */
export function readRootsFile(path: string): RootStore {
  return new RootStore(rootsFromFile(path));
}

function rootsFromFile(path: string): Uint8Array[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const message = `Cannot read the certificates of ${path} (${reason}); check the path and its permissions`;
    throw new TlsError('ERR_TLS_CONFIG', Alert.INTERNAL_ERROR, message, { fault: 'local', cause });
  }
  try {
    return [...RootStore.fromPem(text)];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TlsError('ERR_TLS_PEM', Alert.INTERNAL_ERROR, `${path} cannot be used: ${reason}`, {
      fault: 'local',
      cause,
    });
  }
}
