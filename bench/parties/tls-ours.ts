/** Handshakes of ours with the node provider, both ends in this process, on the record layer of the interop tests. */
import {
  ClientHandshake,
  NamedGroup,
  RootStore,
  SealedTickets,
  ServerHandshake,
  TLS_AES_128_GCM_SHA256,
  createCredential,
  type ClientConfig,
  type ClientSession,
  type ServerConfig,
} from '@mquictt/tls13';
import { nodeProvider, nodeRandom } from '@mquictt/tls13/node';
import { Connection } from '../../interop/tls/connection.ts';
import { runCommands } from '../../tools/command-loop.ts';
import { repeat, type Handshakes } from './handshake.ts';
import { openMany, residentMemory } from './memory.ts';
import { ALPN, SERVER_NAME, TICKET_COUNT, type TlsWork } from './tls-work.ts';

const GROUPS = { x25519: NamedGroup.X25519, x25519mlkem768: NamedGroup.X25519MLKEM768 } as const;
const CONNECTION = { provider: nodeProvider, now: Date.now } as const;

let work: TlsWork;
let client: ClientConfig;
let server: ServerConfig;
let count = 0;
let session: ClientSession | undefined;
const idle: Connection[][] = [];

/** @returns both ends once both are done and the client has its tickets */
function handshake(): Connection[] {
  const isResumption = session !== undefined;
  const connected = new Connection(
    new ClientHandshake(client, {
      serverName: SERVER_NAME,
      extensions: [],
      ...(session === undefined ? {} : { session }),
    }),
    CONNECTION,
  );
  const accepted = new Connection(new ServerHandshake(server, { extensions: [] }), CONNECTION);
  connected.start();
  accepted.start();
  for (let output = connected.takeOutput(); output.length > 0; output = connected.takeOutput()) {
    accepted.receive(output);
    connected.receive(accepted.takeOutput());
  }
  const complete = connected.events.find((event) => event.type === 'complete');
  const sessions = connected.events.flatMap((event) => (event.type === 'session' ? [event.session] : []));
  if (
    !accepted.handshake.isComplete ||
    complete?.isResumed !== isResumption ||
    sessions.length !== (isResumption ? 0 : TICKET_COUNT)
  )
    throw new Error('This was another handshake', { cause: connected.error ?? accepted.error });
  if (work.isResumed) session ??= sessions.at(-1);
  return [connected, accepted];
}

runCommands({
  prepare(newWork: TlsWork): void {
    work = newWork;
    const common = {
      provider: nodeProvider,
      random: nodeRandom,
      carrier: 'records',
      alpnProtocols: [ALPN],
      cipherSuites: [TLS_AES_128_GCM_SHA256],
      groups: [GROUPS[work.group]],
    } as const;
    client = { ...common, roots: RootStore.fromPem(work.caPem) };
    const tickets = new SealedTickets({ provider: nodeProvider, random: nodeRandom });
    const credentials = work.chains.map((pem) =>
      createCredential({ provider: nodeProvider, random: nodeRandom, ...pem }),
    );
    const credential = { choose: () => credentials[count++ % credentials.length] };
    const serverWith = (ticketCount: number): ServerConfig => ({
      ...common,
      credential,
      resumption: { tickets, ticketCount },
    });
    server = serverWith(TICKET_COUNT);
    // Each server certificate once: what a server does with a key for the first time is not what is measured.
    for (let i = 0; i < work.chains.length; i++) handshake();
    if (work.isResumed) server = serverWith(0);
  },

  run: ({ ms }: { ms: number }): Promise<Handshakes> =>
    repeat(() => {
      handshake();
      return Promise.resolve();
    }, ms),

  async idle({ count }: { count: number }): Promise<void> {
    const open = (): Promise<Connection[]> => {
      const ends = handshake();
      // Events are for tests to look back at; a carrier acts and forgets.
      for (const { events } of ends) events.length = 0;
      return Promise.resolve(ends);
    };
    idle.push(...(await openMany(open, count)));
  },

  memory: (): Promise<number> => residentMemory(),
});
