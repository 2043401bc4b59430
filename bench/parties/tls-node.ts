/** Handshakes of node:tls, both ends in this process: TLSSockets on two streams that hand each other their bytes. */
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { TLSSocket, connect, createSecureContext, type SecureContext } from 'node:tls';
import { runCommands } from '../../tools/command-loop.ts';
import { repeat, type Handshakes } from './handshake.ts';
import { openMany, residentMemory } from './memory.ts';
import { ALPN, SERVER_NAME, TICKET_COUNT, type TlsWork } from './tls-work.ts';

const SETTINGS = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;
const GROUPS = { x25519: 'X25519', x25519mlkem768: 'X25519MLKEM768' } as const;

/** One end of a pipe in memory. What is written counts as written when the other end takes it. */
class PipeEnd extends Duplex {
  #other: PipeEnd | undefined;
  #taken: (() => void) | undefined;

  static pair(): [PipeEnd, PipeEnd] {
    const ends: [PipeEnd, PipeEnd] = [new PipeEnd(), new PipeEnd()];
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: string, written: () => void): void {
    const other = this.#other as PipeEnd;
    other.#taken = written;
    other.push(chunk);
  }

  override _final(done: () => void): void {
    this.#other?.push(null);
    done();
  }
}

let work: TlsWork;
let client: SecureContext;
let servers: SecureContext[];
let count = 0;
let session: Buffer | undefined;
const idle: TLSSocket[][] = [];

/** @returns both ends once both are done and the client has its tickets */
async function handshake(): Promise<TLSSocket[]> {
  const [near, far] = PipeEnd.pair();
  const accepted = new TLSSocket(far, {
    isServer: true,
    secureContext: servers[count++ % servers.length] as SecureContext,
    ALPNProtocols: [ALPN],
  });
  const connected = connect({
    socket: near,
    servername: SERVER_NAME,
    secureContext: client,
    ALPNProtocols: [ALPN],
    ...(session === undefined ? {} : { session }),
  });
  const isResumption = session !== undefined;
  const ticketed = new Promise<void>((resolve) => {
    let missing = isResumption ? 0 : TICKET_COUNT;
    if (missing === 0) resolve();
    connected.on('session', (newest: Buffer) => {
      if (work.isResumed) session = newest;
      if (--missing === 0) resolve();
    });
  });
  await Promise.all([once(accepted, 'secure'), once(connected, 'secureConnect'), ticketed]);
  if (!connected.authorized || connected.isSessionReused() !== isResumption)
    throw new Error('This was another handshake');
  return [connected, accepted];
}

runCommands({
  async prepare(newWork: TlsWork): Promise<void> {
    work = newWork;
    const settings = { ...SETTINGS, ecdhCurve: GROUPS[work.group] };
    try {
      // Read once, as ours are: what is measured is the handshake.
      client = createSecureContext({ ca: work.caPem, ...settings });
    } catch (cause) {
      throw new Error(`OpenSSL ${process.versions.openssl} has no ${settings.ecdhCurve}`, { cause });
    }
    servers = work.chains.map(({ certificatePem, keyPem }) =>
      createSecureContext({ cert: certificatePem, key: keyPem, ...settings }),
    );
    // Each server certificate once, as ours.
    for (let i = 0; i < work.chains.length; i++) for (const end of await handshake()) end.destroy();
  },

  run: ({ ms }: { ms: number }): Promise<Handshakes> =>
    repeat(async () => {
      for (const end of await handshake()) end.destroy();
    }, ms),

  async idle({ count }: { count: number }): Promise<void> {
    idle.push(...(await openMany(handshake, count)));
  },

  memory: (): Promise<number> => residentMemory(),
});
