/** The part of Deno's unstable QUIC interface that the adapter uses, so that the project's compiler can check it. */
declare namespace Deno {
  interface CloseInfo {
    closeCode: number;
    reason: string;
  }
  interface TransportOptions {
    keepAliveInterval?: number;
    maxIdleTimeout?: number;
    maxConcurrentBidirectionalStreams?: number;
    maxConcurrentUnidirectionalStreams?: number;
  }
  class QuicEndpoint {
    constructor(options: { hostname: string; port: number });
    readonly addr: { port: number };
    listen(options: TransportOptions & { cert: string; key: string; alpnProtocols: string[] }): QuicListener;
    close(info?: CloseInfo): void;
  }
  interface QuicListener {
    accept(): Promise<QuicConn>;
    stop(): void;
  }
  interface QuicConn {
    readonly protocol: string | undefined;
    readonly serverName: string | undefined;
    readonly closed: Promise<CloseInfo>;
    readonly incomingBidirectionalStreams: ReadableStream<QuicBidirectionalStream>;
    readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
    createBidirectionalStream(options?: { waitUntilAvailable?: boolean }): Promise<QuicBidirectionalStream>;
    createUnidirectionalStream(options?: { waitUntilAvailable?: boolean }): Promise<WritableStream<Uint8Array>>;
    close(info?: CloseInfo): void;
  }
  interface QuicBidirectionalStream {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
  }
  function connectQuic(
    options: TransportOptions & {
      hostname: string;
      port: number;
      serverName: string;
      alpnProtocols: string[];
      caCerts: string[];
      endpoint: QuicEndpoint;
    },
  ): Promise<QuicConn>;
}
