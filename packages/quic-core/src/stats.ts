/** Counters of one connection. Bytes are UDP payload bytes, times are ms. A snapshot: it does not change afterwards. */
export interface ConnectionStats {
  packetsSent: number;
  packetsReceived: number;
  packetsLost: number;
  /** Packets that failed authentication or came without keys. */
  packetsDropped: number;
  bytesSent: number;
  bytesReceived: number;
  datagramsSent: number;
  datagramsReceived: number;
  /** Probe timeouts that fired. */
  ptoCount: number;
  smoothedRtt: number;
  minRtt: number;
  congestionWindow: number;
  bytesInFlight: number;
  /** Streams that either side may still use. */
  openStreams: number;
  keyUpdates: number;
}

/** Counters of an endpoint; all but the last three return to 0 when its connections are gone. A snapshot. */
export interface EndpointStats {
  connections: number;
  halfOpenConnections: number;
  /** Routed connection IDs. */
  connectionIds: number;
  resetTokens: number;
  timers: number;
  readyConnections: number;
  pendingEvents: number;
  pendingAnswers: number;
  /** Datagrams that belonged to no connection. */
  datagramsDropped: number;
  /** Exceptions that only a bug of ours explains; each closed its connection with INTERNAL_ERROR. */
  internalErrors: number;
  lastInternalError: unknown;
}
