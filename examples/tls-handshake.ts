/**
 * TLS 1.3 without QUIC and without sockets: two handshakes of one client with one server, the second one resumed. Whoever carries handshake messages can do
 * the same: it moves bytes, and keys come out.
 *
 *     node --conditions=@mquictt/source --import tsx examples/tls-handshake.ts
 */
import {
  ClientHandshake,
  RootStore,
  SealedTickets,
  ServerHandshake,
  SessionCache,
  createCredential,
  type Handshake,
} from '@mquictt/tls13';
import { nodeProvider as provider, nodeRandom as random } from '@mquictt/tls13/node';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';

const { caPem, certificatePem, keyPem } = await createDevelopmentCertificates();
const common = { provider, random, alpnProtocols: ['example'] };
const clientConfig = { ...common, roots: RootStore.fromPem(caPem) };
const serverConfig = {
  ...common,
  credential: createCredential({ provider, random, certificatePem, keyPem }),
  resumption: { tickets: new SealedTickets({ provider, random }) },
};
const sessions = new SessionCache();
let isResumed = false;

/** Carries what one side has to say to the other. @returns whether there was anything */
function carry(from: Handshake, to: Handshake): boolean {
  let isBusy = false;
  for (let event = from.nextEvent(); event !== undefined; event = from.nextEvent()) {
    isBusy = true;
    if (event.type === 'send') to.handleMessages(event.level, event.data, Date.now());
    // A real carrier also takes the secrets here, and protects each level with the keys that come of them.
    if (event.type === 'session') sessions.put(event.session, 'example');
    if (event.type === 'complete') isResumed = event.isResumed;
  }
  return isBusy;
}

for (const what of ['first', 'second']) {
  const session = sessions.take('localhost', 'example', Date.now());
  const extensions = [{ type: 0x39, data: new TextEncoder().encode('for the carrier') }];
  const client = new ClientHandshake(clientConfig, {
    serverName: 'localhost',
    extensions,
    ...(session === undefined ? {} : { session }),
  });
  const server = new ServerHandshake(serverConfig, { extensions });
  client.start(Date.now());
  while (carry(client, server) || carry(server, client));
  const [ours, theirs] = [client, server].map((side) =>
    Buffer.from(side.exportKeyingMaterial('EXPORTER-example', new Uint8Array(0), 8)).toString('hex'),
  );
  const how = isResumed ? 'resumed' : 'with certificates';
  console.log(
    `${what}: ${client.suite?.name}, ${how}, ${ours === theirs ? 'both export the same' : 'something is wrong'}`,
  );
}
