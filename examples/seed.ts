/**
 * A broker, a client, one message: the shortest program, with certificates made for the occasion.
 *
 *     node --conditions=@mquictt/source --import tsx examples/seed.ts
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Client, Config, server } from 'mquictt';

const folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
try {
  await writeDevelopmentCertificates(folder);
  const auth = { ca_cert_file: 'ca.pem', cert_file: 'cert.pem', key_file: 'key.pem' };
  await writeFile(join(folder, 'server.json'), JSON.stringify({ auth }));
  await writeFile(join(folder, 'client.json'), JSON.stringify({ auth: { ca_cert_file: 'ca.pem' } }));

  const broker = await server('127.0.0.1:0', await Config.read(join(folder, 'server.json')));

  const config = await Config.read(join(folder, 'client.json'));
  const client = await Client.connect('127.0.0.1:0', broker.address(), 'localhost', '0', config);
  const publisher = await client.publisher('hello/world', 'hello');
  await publisher.publish('hello again!');
  const subscriber = await client.subscriber('hello/world');
  const message = await subscriber.read();
  console.log(new TextDecoder().decode(message));

  await client.close();
  await broker.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
