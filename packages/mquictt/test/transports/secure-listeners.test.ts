/** TLS and secure WebSocket listeners: client certificates, ALPN, certificates that are replaced while they run. */
import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { testClientCaPem, testClientCertificate } from '@mquictt/testkit';
import mqtt from 'mqtt';
import type { IClientOptions } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RootStore } from '@mquictt/quic-node';
import { Config, server } from '../../src/index.ts';
import type { Broker, BrokerOptions, ClientCertificates } from '../../src/index.ts';
import { developmentCertificates, rejection, until } from '../support/loopback.ts';
import { dialTls } from './wires.ts';

const test = suite('secure listeners');

type Kind = 'tls' | 'wss';
const KINDS: readonly Kind[] = ['tls', 'wss'];

async function withBroker(
  clientCertificates: ClientCertificates | undefined,
  run: (broker: Broker, connected: string[]) => Promise<void>,
): Promise<void> {
  const { certificatePem, keyPem } = await developmentCertificates();
  const connected: string[] = [];
  const quiet = (): void => {};
  const info = (fields: object, message: string): void => {
    if (message === 'A client connected') connected.push(String((fields as { peerIdentity?: string }).peerIdentity));
  };
  const options: BrokerOptions = {
    listeners: KINDS.map((type) => ({ type, port: 0 })),
    logger: { debug: quiet, info, warn: quiet, error: quiet },
    ...(clientCertificates === undefined ? {} : { clientCertificates }),
  };
  const broker = await server('127.0.0.1:0', Config.fromPem({ certificatePem, keyPem }), options);
  try {
    await run(broker, connected);
  } finally {
    await broker.close();
  }
}

const portOf = (broker: Broker, kind: Kind): number =>
  broker.listeners().find(({ type }) => type === kind)!.address.port;

/** Connects with MQTT.js and ends. @throws when the broker does not let the client in */
async function visit(broker: Broker, kind: Kind, pair?: { certificatePem: string; keyPem: string }): Promise<void> {
  const { caPem } = await developmentCertificates();
  const tls = { ca: caPem, servername: 'localhost', ...(pair && { cert: pair.certificatePem, key: pair.keyPem }) };
  const options = { ...tls, wsOptions: tls, reconnectPeriod: 0, connectTimeout: 3_000 };
  const url = `${kind === 'tls' ? 'mqtts' : 'wss'}://127.0.0.1:${portOf(broker, kind)}/mqtt`;
  const client = mqtt.connect(url, options as IClientOptions);
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.on('error', reject);
      client.once('close', () => reject(new Error('closed')));
    });
  } finally {
    await client.endAsync(true);
  }
}

for (const kind of KINDS) {
  test(`${kind}: a required certificate, its identity by the judge, strangers and servers' certificates refused`, async () => {
    const roots = RootStore.fromPem(testClientCaPem());
    const judge: ClientCertificates['judge'] = ({ path }, { host }) => `${path.length} certificates from ${host}`;
    await withBroker({ roots, judge }, async (broker, connected) => {
      await visit(broker, kind, testClientCertificate('device-7'));
      assert.equal(connected, ['2 certificates from 127.0.0.1']);
      await rejection(visit(broker, kind));
      await rejection(visit(broker, kind, await developmentCertificates()));
      // Again, with nothing resumed.
      await visit(broker, kind, testClientCertificate('device-8'));
      assert.is(connected.length, 2);
    });
  });

  test(`${kind}: certificates that are asked for and not required`, () =>
    withBroker({ roots: RootStore.fromPem(testClientCaPem()), required: false }, async (broker, connected) => {
      await visit(broker, kind);
      await visit(broker, kind, testClientCertificate('device-7'));
      await rejection(visit(broker, kind, await developmentCertificates()));
      assert.is(connected.length, 2);
    }));

  test(`${kind}: a judge that refuses, later`, () => {
    const judge = (): Promise<string> => Promise.reject(new Error('not in the table of devices'));
    return withBroker({ roots: RootStore.fromPem(testClientCaPem()), judge }, async (broker, connected) => {
      await rejection(visit(broker, kind, testClientCertificate('device-7')));
      assert.equal(connected, []);
      await until(() => broker.listeners().every(({ connections }) => connections === 0));
    });
  });
}

test('setCertificate() changes what new connections see, on every listener, and leaves the others alone', () =>
  withBroker(undefined, async (broker) => {
    const next = await createDevelopmentCertificates();
    const shown = async (kind: Kind): Promise<string> => {
      const socket = await dialTls(portOf(broker, kind), '127.0.0.1', {
        rejectUnauthorized: false,
        ALPNProtocols: [kind === 'tls' ? 'mqtt' : 'http/1.1'],
      });
      const fingerprint = socket.getPeerCertificate().fingerprint256;
      socket.destroy();
      return fingerprint;
    };
    const old = await dialTls(portOf(broker, 'tls'), '127.0.0.1');
    const before = await Promise.all(KINDS.map(shown));
    broker.setCertificate(Config.fromPem({ certificatePem: next.certificatePem, keyPem: next.keyPem }));
    const { fingerprint256 } = new X509Certificate(next.certificatePem);
    for (const kind of KINDS) assert.is(await shown(kind), fingerprint256);
    for (const fingerprint of before) assert.is.not(fingerprint, fingerprint256);
    assert.is(old.destroyed, false);
    old.destroy();
    assert.throws(() => broker.setCertificate(Config.empty()), /needs a certificate/);
  }));

test('ALPN: mqtt, none at all, and nothing else', () =>
  withBroker(undefined, async (broker) => {
    const port = portOf(broker, 'tls');
    const known = await dialTls(port, '127.0.0.1', { ALPNProtocols: ['x', 'mqtt'] });
    assert.is(known.alpnProtocol, 'mqtt');
    const none = await dialTls(port, '127.0.0.1', { ALPNProtocols: [] });
    assert.is(none.alpnProtocol, false);
    const error = await rejection(dialTls(port, '127.0.0.1', { ALPNProtocols: ['h2'] }));
    assert.match(error.message, /no application protocol/);
    const old = await rejection(dialTls(port, '127.0.0.1', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));
    assert.match(String(old.code), /^ERR_SSL|^ECONN/);
    for (const socket of [known, none]) {
      socket.destroy();
      await once(socket, 'close');
    }
  }));

test('what cannot work is said, and nothing stays open', async () => {
  const { certificatePem, keyPem } = await developmentCertificates();
  const config = Config.fromPem({ certificatePem, keyPem });
  const open = (listeners: readonly unknown[]): Promise<Broker> =>
    server('127.0.0.1:0', config, { listeners: listeners as never });
  const broker = await open([{ type: 'tcp', port: 0 }]);
  const port = broker.listeners()[1]!.address.port;
  const taken = await rejection(
    open([
      { type: 'ws', port: 0 },
      { type: 'tcp', port },
    ]),
  );
  assert.is(taken.code, 'ERR_MQTT_LISTEN');
  assert.is(taken.message, `Cannot listen on tcp 127.0.0.1:${port}: it is in use`);
  await broker.close();
  const WRONG: readonly [object, string, RegExp][] = [
    [{ type: 'udp' }, 'ERR_MQTT_INVALID_ARGUMENT', /type expected quic, tcp, tls, ws, wss, got udp/],
    [{ type: 'ws', path: 'mqtt' }, 'ERR_MQTT_INVALID_ARGUMENT', /path expected something like \/mqtt/],
    [{ type: 'tls', cert: certificatePem }, 'ERR_MQTT_CERTIFICATE', /cert and key together/],
    [{ type: 'tls', cert: 'x', key: keyPem }, 'ERR_MQTT_CERTIFICATE', /tls listener cannot be used/],
    [{ type: 'tls', name: 'quic' }, 'ERR_MQTT_INVALID_ARGUMENT', /Two listeners are called quic/],
    [{ type: 'tls', clientCertificates: {} }, 'ERR_MQTT_CERTIFICATE', /need a CA/],
  ];
  for (const [listener, code, message] of WRONG) {
    const error = await rejection(open([{ port: 0, ...listener }]));
    assert.is(error.code, code, error.message);
    assert.match(error.message, message);
  }
});

test.run();
