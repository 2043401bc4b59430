import type { Endpoint, EndpointConfig } from '@mquictt/quic-core';

export function createEndpoint(_config: EndpointConfig): Endpoint {
  throw new Error('The endpoint of quic-core does not exist yet');
}
