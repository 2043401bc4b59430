/**
 * PEM files (RFC 7468): certificates and private keys. Text around the blocks is ignored, as in the files that openssl and ACME clients write.
 */
import { Alert } from './alerts.ts';
import { TlsError } from './errors.ts';
import { pkcs8FromPkcs1, pkcs8FromSec1 } from './private-key.ts';

/**
 * @param text a PEM file
 * @returns the DER of every CERTIFICATE block, in the file's order; possibly none
 * @throws TlsError ERR_TLS_PEM
 */
export function readCertificatesPem(text: string): Uint8Array[] {
  return readBlocks(text)
    .filter(({ label }) => label === 'CERTIFICATE' || label === 'X509 CERTIFICATE' || label === 'TRUSTED CERTIFICATE')
    .map(({ label, body }) => {
      if (label === 'TRUSTED CERTIFICATE')
        throw pemError('TRUSTED CERTIFICATE blocks are OpenSSL\'s own format; convert them with "openssl x509"');
      return decodeBody(label, body);
    });
}

/**
 * @param text a PEM file with one private key: PRIVATE KEY (PKCS#8), EC PRIVATE KEY (SEC1) or RSA PRIVATE KEY (PKCS#1)
 * @returns the key as DER PrivateKeyInfo (PKCS#8)
 * @throws TlsError ERR_TLS_PEM, ERR_TLS_KEY_UNSUPPORTED
 */
export function readPrivateKeyPem(text: string): Uint8Array {
  const blocks = readBlocks(text);
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [key] = keys;
  if (key === undefined) {
    const found = blocks.map(({ label }) => label).join(', ');
    throw pemError(
      found === ''
        ? 'There is no PEM block in the private key; it should begin with -----BEGIN PRIVATE KEY-----'
        : `There is no private key in the PEM text, only ${found}; check that key and certificate are not swapped`,
    );
  }
  if (keys.length > 1)
    throw pemError(`There are ${keys.length} private keys in the PEM text; leave the one to be used`);
  if (key.label === 'ENCRYPTED PRIVATE KEY' || key.body.includes('ENCRYPTED'))
    throw pemError(
      'The private key is encrypted; decrypt it first, for example with "openssl pkey -in key.pem -out plain.pem"',
    );
  switch (key.label) {
    case 'PRIVATE KEY':
      return decodeBody(key.label, key.body);
    case 'EC PRIVATE KEY':
      return pkcs8FromSec1(decodeBody(key.label, key.body));
    case 'RSA PRIVATE KEY':
      return pkcs8FromPkcs1(decodeBody(key.label, key.body));
    default:
      throw pemError(`${key.label} blocks are not supported; convert the key to PKCS#8 (-----BEGIN PRIVATE KEY-----)`);
  }
}

interface PemBlock {
  readonly label: string;
  readonly body: string;
}

/** Line by line rather than with one expression over the whole text, which could backtrack for long on a hostile file. */
function readBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let label = '';
  let body: string[] = [];
  for (const rawLine of text.split('\n')) {
    const line = rawLine.trim();
    if (!line.startsWith('-----') || !line.endsWith('-----')) {
      if (label !== '') body.push(line);
    } else if (line.startsWith('-----BEGIN ')) {
      if (label !== '') throw pemError(`The ${label} block has no END line`);
      label = line.slice(11, -5);
      body = [];
    } else if (line.startsWith('-----END ')) {
      if (line.slice(9, -5) !== label) throw pemError(`An END line for ${line.slice(9, -5)} has no BEGIN line`);
      blocks.push({ label, body: body.join('\n') });
      label = '';
    }
  }
  if (label !== '') throw pemError(`The ${label} block has no END line`);
  return blocks;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_VALUES: Int8Array = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) BASE64_VALUES[BASE64.charCodeAt(i)] = i;

function decodeBody(label: string, body: string): Uint8Array {
  const out = new Uint8Array(Math.floor((body.length * 3) / 4));
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  let symbols = 0;
  let padding = 0;
  for (let i = 0; i < body.length; i++) {
    const code = body.charCodeAt(i);
    if (code === 0x0a || code === 0x0d || code === 0x20 || code === 0x09) continue;
    if (code === 0x3d) {
      padding++;
      continue;
    }
    const value = code < 128 ? BASE64_VALUES[code] : -1;
    if (value === -1 || padding > 0) throw pemError(`The ${label} block is not base64`);
    symbols++;
    bits = ((bits << 6) | value) & 0xfff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      out[length++] = (bits >> bitCount) & 0xff;
    }
  }
  if (length === 0) throw pemError(`The ${label} block is empty`);
  // Four symbols make a group; a lone symbol cannot hold a byte, and padding must fill the group.
  if ((symbols + padding) % 4 !== 0 || padding > 2) throw pemError(`The ${label} block is cut off`);
  return out.slice(0, length);
}

function pemError(message: string): TlsError {
  return new TlsError('ERR_TLS_PEM', Alert.INTERNAL_ERROR, message, { fault: 'local' });
}
