/** A process whose client met a broker that does not behave ends by itself, soon, and without a complaint. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listen } from '@mquictt/quic-node';
import type { QuicConnection, QuicStream } from '@mquictt/quic-node';
import * as codec from '../../src/packets/codec.ts';
import { hex } from '../support/hex.ts';
import { developmentCertificates } from '../support/loopback.ts';

const test = suite('hostile-exit');

const CONNACK = codec.encodeConnack({ sessionPresent: false, reasonCode: 0 }, 5);

const BROKERS: Record<string, (stream: QuicStream, connection: QuicConnection) => void> = {
  'says nothing': () => {},
  refuses: (stream) => void stream.tryWrite(codec.encodeConnack({ sessionPresent: false, reasonCode: 0x87 }, 5)),
  'accepts and says nothing more': (stream) => void (stream.id === 0 && stream.tryWrite(CONNACK)),
  'accepts and closes': (stream, connection) => {
    stream.tryWrite(CONNACK);
    setTimeout(() => void connection.close({ errorCode: 7, immediate: true }), 50);
  },
  'accepts and resets every other stream': (stream) => {
    if (stream.id === 0) stream.tryWrite(CONNACK);
    else stream.reset(0x97);
  },
  'sends garbage': (stream) => void stream.tryWrite(stream.id === 0 ? CONNACK : hex('00 ff 00')),
};

for (const [what, serve] of Object.entries(BROKERS)) {
  test(`a broker that ${what}`, async () => {
    const { caPem, certificatePem, keyPem } = await developmentCertificates();
    const listener = await listen({
      host: '127.0.0.1',
      port: 0,
      alpnProtocols: ['mqtt'],
      certificate: { certificatePem, keyPem },
    });
    listener.onConnection = (connection) => {
      connection.onStream = (stream) => serve(stream, connection);
    };
    const url = new URL('../../src/index.ts', import.meta.url).href;
    const program = `
      import { Client, Config } from ${JSON.stringify(url)};
      const code = (error) => error.code ?? error.stack;
      try {
        const config = Config.fromPem({ caPem: process.env.CA });
        const client = await Client.connect('127.0.0.1:0', process.env.ADDRESS, 'localhost', '', config, { timeout: 500 });
        client.publisher('nobody/waits', 'x', { timeout: 300 }).catch(() => {});
        const outcomes = await Promise.allSettled([
          client.publisher('t', 'x', { timeout: 300 }), client.subscriber('t', { timeout: 300 })]);
        console.log(outcomes.map(({ reason }) => code(reason)).join());
        await client.close({ deadline: 300 });
      } catch (error) {
        console.log(code(error));
      }`;
    const child = spawn(
      process.execPath,
      ['--conditions=@mquictt/source', '--import', 'tsx', '--input-type=module', '-e', program],
      { env: { ...process.env, CA: caPem, ADDRESS: `127.0.0.1:${listener.address.port}` } },
    );
    let output = '';
    let complaints = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (complaints += String(chunk)));
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const [exitCode, signal] = await once(child, 'close');
    clearTimeout(timer);
    await listener.close({ deadline: 0 });
    assert.equal([exitCode, signal, complaints], [0, null, ''], output);
    assert.match(output, /^(ERR_MQTT_[A-Z_]+,?)+\n$/);
  });
}

test.run();
