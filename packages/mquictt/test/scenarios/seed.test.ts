import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { Client, Config, server } from '../../src/index.ts';

const test = suite('seed');

let folder = '';
const home = process.cwd();

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mquictt-'));
  await writeDevelopmentCertificates(join(folder, 'certs'));
  const auth = { ca_cert_file: 'certs/ca.pem', cert_file: 'certs/cert.pem', key_file: 'certs/key.pem' };
  await writeFile(join(folder, 'server.json'), JSON.stringify({ auth, logs: { dir: 'data' } }));
  await writeFile(join(folder, 'client.json'), JSON.stringify({ auth }));
  process.chdir(folder);
});

test.after(async () => {
  process.chdir(home);
  await rm(folder, { recursive: true });
});

test('the first program runs as it is written', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', onWarning);

  const broker = await server('127.0.0.1:1883', await Config.read('server.json'));
  const client = await Client.connect(
    '127.0.0.1:0',
    '127.0.0.1:1883',
    'localhost',
    '0',
    await Config.read('client.json'),
  );
  const publisher = await client.publisher('hello/world', 'hello');
  await publisher.publish('hello again!');
  const subscriber = await client.subscriber('hello/world');
  const message = await subscriber.read();

  assert.instance(message, Uint8Array);
  assert.is(new TextDecoder().decode(message), 'hello again!');
  assert.equal(broker.address(), { host: '127.0.0.1', port: 1883 });

  await publisher.publish('and live');
  assert.is((await subscriber.readMessage()).text(), 'and live');

  await client.close();
  await broker.close();
  process.off('warning', onWarning);
  assert.is(warnings.length, 1);
  assert.match(warnings[0]!, /"logs"/);
});

test.run();
