import { RootStore } from '@mquictt/tls13';
import { QuicNodeError } from './errors.ts';
import type { CommonOptions, ListenOptions } from './options.ts';

/** @throws QuicNodeError ERR_QUIC_OPTIONS for what would otherwise fail far away from its cause */
export function checkCommonOptions(options: CommonOptions): void {
  const { alpnProtocols } = options;
  if (!Array.isArray(alpnProtocols) || alpnProtocols.length === 0) {
    throw new QuicNodeError('ERR_QUIC_OPTIONS', 'alpnProtocols expected at least one name: QUIC makes ALPN mandatory');
  }
  for (const name of alpnProtocols) {
    const length = typeof name === 'string' ? Buffer.byteLength(name) : 0;
    if (length < 1 || length > 255) {
      throw new QuicNodeError(
        'ERR_QUIC_OPTIONS',
        `alpnProtocols expected names of 1..255 bytes, got ${JSON.stringify(name)}`,
      );
    }
  }
}

/** @throws QuicNodeError ERR_QUIC_OPTIONS */
export function checkListenOptions({ clientCertificates }: ListenOptions): void {
  if (clientCertificates !== undefined && !(clientCertificates.roots instanceof RootStore)) {
    throw new QuicNodeError(
      'ERR_QUIC_OPTIONS',
      'clientCertificates.roots expected a RootStore with the authorities of the clients',
    );
  }
}
