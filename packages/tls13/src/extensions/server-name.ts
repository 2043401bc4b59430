/** server_name (RFC 6066 §3). */
import { asciiBytes, latin1Text } from '../ascii.ts';
import { Reader, Writer } from '../codec.ts';
import { decodeError, illegalParameter } from '../errors.ts';
import { isDnsName, isIpLiteral } from '../server-name.ts';

const HOST_NAME = 0;

/**
 * @returns the host name in lower case, or undefined where there is none. IP address literals do not belong here (§3)
 *   but are in use; they count as none.
 */
export function readServerName(data: Uint8Array): string | undefined {
  const reader = new Reader(data, 'server_name');
  const list = new Reader(reader.vector16(1), 'server_name');
  reader.end();
  const seen = new Set<number>();
  let hostName: string | undefined;
  while (list.remaining > 0) {
    const type = list.uint8();
    // RFC 6066 §3: names of types to come begin with a 16-bit length as well, so they can be skipped.
    const name = list.vector16();
    if (seen.has(type)) throw illegalParameter('server_name has two names of one type');
    seen.add(type);
    if (type !== HOST_NAME) continue;
    if (name.length === 0) throw decodeError('server_name is empty');
    hostName = latin1Text(name).toLowerCase();
  }
  if (hostName === undefined || isIpLiteral(hostName)) return undefined;
  if (!isDnsName(hostName)) throw illegalParameter('server_name is not a DNS name');
  return hostName;
}

export function writeServerName(name: string): Uint8Array {
  const writer = new Writer();
  writer.vector16(() => writer.uint8(HOST_NAME).vector16(asciiBytes(name)));
  return writer.finish();
}
