/** The part of Deno's interface that the program uses, so that the project's compiler can check it. */
declare namespace Deno {
  const args: readonly string[];
  const stdin: { readonly readable: ReadableStream<Uint8Array<ArrayBuffer>> };
  function exit(code: number): never;
  interface TcpConn {
    close(): void;
  }
  interface TlsConn {
    handshake(): Promise<{ alpnProtocol: string | null }>;
    read(buffer: Uint8Array): Promise<number | null>;
    write(data: Uint8Array): Promise<number>;
    close(): void;
  }
  interface TlsListener {
    readonly addr: { port: number };
    accept(): Promise<TlsConn>;
  }
  function connect(options: { hostname: string; port: number }): Promise<TcpConn>;
  function startTls(
    connection: TcpConn,
    options: { hostname: string; caCerts: string[]; alpnProtocols: readonly string[] },
  ): Promise<TlsConn>;
  function listenTls(options: {
    hostname: string;
    port: number;
    cert: string;
    key: string;
    alpnProtocols: readonly string[];
  }): TlsListener;
}
