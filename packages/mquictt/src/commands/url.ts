/** URLs of MQTT over QUIC as other programs write them. */
import { UsageError } from './io.ts';

export interface MqttUrl {
  readonly host: string;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The path without its first slash. */
  readonly topic: string | undefined;
}

const SCHEMES = ['mqtt-quic:', 'quic:'];

/** @throws UsageError */
export function parseUrl(text: string): MqttUrl {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(`${text} is no URL; expected mqtt-quic://host:port/topic`);
  }
  if (!SCHEMES.includes(url.protocol))
    throw new UsageError(`${url.protocol}// is not spoken here; expected mqtt-quic:// or quic://`);
  if (url.hostname === '') throw new UsageError(`There is no host in ${text}`);
  try {
    // Taken as it stands: to a URL `#` begins a fragment, to MQTT it is a wildcard.
    const path = text.slice(text.indexOf('//') + 2);
    const topic = path.includes('/') ? decodeURIComponent(path.slice(path.indexOf('/') + 1)) : '';
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? undefined : Number(url.port),
      username: url.username === '' ? undefined : decodeURIComponent(url.username),
      password: url.password === '' ? undefined : decodeURIComponent(url.password),
      topic: topic === '' ? undefined : topic,
    };
  } catch {
    throw new UsageError(`${text} has a wrong %-escape`);
  }
}
