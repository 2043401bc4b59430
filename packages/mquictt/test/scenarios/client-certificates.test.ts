/** Clients that show certificates to a broker, and that come back with a session. */
import { createDevelopmentCertificates } from '@mquictt/tls13/development-certificates';
import { testClientCaPem, testClientCertificate } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Client, Config, server } from '../../src/index.ts';
import type { Broker, BrokerOptions } from '../../src/index.ts';
import { rejection } from '../support/loopback.ts';

const test = suite('client certificates');

const certificates = createDevelopmentCertificates();

/** A broker whose clients come from an authority of their own. */
async function withBroker(
  options: BrokerOptions,
  run: (broker: Broker, caPem: string) => Promise<void>,
): Promise<void> {
  const { caPem, certificatePem, keyPem } = await certificates;
  const config = Config.fromPem({ caPem: testClientCaPem(), certificatePem, keyPem });
  const broker = await server('127.0.0.1:0', config, options);
  try {
    await run(broker, caPem);
  } finally {
    await broker.close();
  }
}

function connect(broker: Broker, config: Config, clientId = ''): Promise<Client> {
  return Client.connect(undefined, broker.address(), 'localhost', clientId, config, { timeout: 5_000 });
}

interface Logged {
  readonly clientId?: string;
  readonly peerIdentity?: string;
}

/** A logger that keeps who connected. */
function connectedLog(): { logger: NonNullable<BrokerOptions['logger']>; connected: Logged[] } {
  const connected: Logged[] = [];
  const quiet = (): void => {};
  const info = (fields: object, message: string): void => {
    if (message === 'A client connected') connected.push(fields);
  };
  return { logger: { debug: quiet, info, warn: quiet, error: quiet }, connected };
}

test('the certificate of the configuration is shown, and the identity that it is given reaches the session', async () => {
  const { logger, connected } = connectedLog();
  let asked = 0;
  const judge = async (): Promise<string> => `device ${++asked}`;
  await withBroker({ clientCertificates: { judge }, logger }, async (broker, caPem) => {
    const config = Config.fromPem({ caPem, ...testClientCertificate('device-7') });
    const client = await connect(broker, config, 'a');
    const publisher = await client.publisher('t', 'x');
    await publisher.close();
    await client.close();
    // The same configuration: the session is resumed, and nobody is asked again.
    const again = await connect(broker, config, 'b');
    await again.close();
    const other = await connect(broker, Config.fromPem({ caPem, ...testClientCertificate('device-7') }), 'c');
    await other.close();
  });
  assert.is(asked, 2);
  assert.equal(
    connected.map(({ clientId, peerIdentity }) => [clientId, peerIdentity]),
    [
      ['a', 'device 1'],
      ['b', 'device 1'],
      ['c', 'device 2'],
    ],
  );
});

test('a broker with a CA asks and requires nothing; one that requires it says so', async () => {
  await withBroker({}, async (broker, caPem) => {
    const client = await connect(broker, Config.fromPem({ caPem }));
    await client.close();
    const pair = await certificates;
    const stranger = await rejection(connect(broker, Config.fromPem(pair)));
    assert.is(stranger.code, 'ERR_MQTT_UNREACHABLE');
    assert.match(stranger.message, /unknown_ca/);
  });
  await withBroker({ clientCertificates: {} }, async (broker, caPem) => {
    const error = await rejection(connect(broker, Config.fromPem({ caPem })));
    assert.is(error.code, 'ERR_MQTT_UNREACHABLE');
    assert.match(error.message, /refused this client \(TLS alert certificate_required\)/);
    const client = await connect(broker, Config.fromPem({ caPem, ...testClientCertificate('device-7') }));
    await client.close();
  });
});

test('a judge that refuses: the client hears access_denied, and the broker never hears of it', async () => {
  const { logger, connected } = connectedLog();
  const judge = (): Promise<string> => Promise.reject(new Error('not in the table of devices'));
  await withBroker({ clientCertificates: { judge }, logger }, async (broker, caPem) => {
    const config = Config.fromPem({ caPem, ...testClientCertificate('device-7') });
    const error = await rejection(connect(broker, config));
    assert.is(error.code, 'ERR_MQTT_UNREACHABLE');
    assert.match(error.message, /access_denied/);
    assert.not.match(error.message, /table/);
    assert.is(broker.stats().sessions, 0);
  });
  assert.equal(connected, []);
});

test('asking for certificates without a CA is a mistake that server() finds', async () => {
  const { certificatePem, keyPem } = await certificates;
  const config = Config.fromPem({ certificatePem, keyPem });
  const error = await rejection(server('127.0.0.1:0', config, { clientCertificates: {} }));
  assert.is(error.code, 'ERR_MQTT_CERTIFICATE');
  assert.match(error.message, /ca_cert_file/);
});

test.run();
