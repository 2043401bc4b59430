/** A bad network between a client and a server: a UDP proxy that loses datagrams, or gives the client a new address. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface ProxyOptions {
  /** Share of the datagrams that are lost in each direction, 0..1. @default 0 */
  loss?: number;
  /** After so many datagrams from the client the server sees it under another port, once. @default never */
  rebindAfter?: number;
}

const LOOPBACK = '127.0.0.1';

export class Proxy {
  readonly port: number;
  /** Datagrams that were lost on purpose. */
  lost = 0;
  /** Times that the client got a new address. */
  rebinds = 0;
  readonly #front: Socket;
  #back: Socket;
  #clientPort = 0;
  #forwarded = 0;
  readonly #serverPort: number;
  readonly #loss: number;
  readonly #rebindAfter: number;
  #random = 1;

  private constructor(
    front: Socket,
    back: Socket,
    serverPort: number,
    { loss = 0, rebindAfter = Infinity }: ProxyOptions,
  ) {
    this.port = front.address().port;
    this.#front = front;
    this.#back = back;
    this.#serverPort = serverPort;
    this.#loss = loss;
    this.#rebindAfter = rebindAfter;
    front.on('message', (data, from) => {
      this.#clientPort = from.port;
      if (this.#forwarded++ === this.#rebindAfter) void this.#rebind();
      if (!this.#isLost()) this.#back.send(data, this.#serverPort, LOOPBACK);
    });
    this.#listenTo(back);
  }

  /** Starts a proxy in front of a server on this machine. */
  static async start(serverPort: number, options: ProxyOptions): Promise<Proxy> {
    return new Proxy(await bind(), await bind(), serverPort, options);
  }

  stop(): void {
    this.#front.close();
    this.#back.close();
  }

  #listenTo(back: Socket): void {
    back.on('message', (data) => {
      if (!this.#isLost()) this.#front.send(data, this.#clientPort, LOOPBACK);
    });
  }

  async #rebind(): Promise<void> {
    const back = await bind();
    const old = this.#back;
    this.#back = back;
    this.#listenTo(back);
    this.rebinds++;
    old.close();
  }

  /** A linear congruential generator (Numerical Recipes): every run loses the same ones, as far as the timing is the same. */
  #isLost(): boolean {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    const isLost = this.#random / 2 ** 32 < this.#loss;
    if (isLost) this.lost++;
    return isLost;
  }
}

async function bind(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  // The server may be gone already.
  socket.on('error', () => {});
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket;
}
