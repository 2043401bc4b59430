/** How clients are asked for certificates. */
import type { ClientCertificateOptions, JudgePeer, RootStore } from '@mquictt/quic-node';
import type { Config } from '../config.ts';
import { usageError } from '../errors.ts';

export interface ClientCertificates {
  /** What certificates of clients must lead to. @default the CA of the configuration */
  readonly roots?: RootStore;
  /** Whether clients without a certificate are refused. @default true */
  readonly required?: boolean;
  /** Asked about each client with a certificate; what it gives is the client's identity. @default all are welcome */
  readonly judge?: JudgePeer;
}

/**
 * @param clientCertificates false = nobody is asked; undefined = who has one that leads to the CA of the configuration may show it
 * @param judge asked where the options have none
 * @throws MqttError ERR_MQTT_CERTIFICATE
 */
export function clientCertificatesOf(
  config: Config,
  clientCertificates: ClientCertificates | false | undefined,
  judge: JudgePeer,
): ClientCertificateOptions | undefined {
  if (clientCertificates === false) return undefined;
  const roots = clientCertificates?.roots ?? config.roots;
  if (roots !== undefined)
    return {
      required: clientCertificates !== undefined,
      ...clientCertificates,
      judge: clientCertificates?.judge ?? judge,
      roots,
    };
  if (clientCertificates === undefined) return undefined;
  throw usageError(
    'ERR_MQTT_CERTIFICATE',
    'Certificates of clients need a CA that they lead to: name ca_cert_file under "auth" of the configuration, or give clientCertificates.roots',
  );
}
