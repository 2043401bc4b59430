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
