/** Who may come in and what they may do, over real listeners: our client and MQTT.js. */
import { SignJWT } from 'jose';
import { testClientCaPem, testClientCertificate } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withPassword } from '../../src/access/password-file.ts';
import { Client, Config, PasswordFile, ReasonCode, TokenVerifier, server } from '../../src/index.ts';
import type { AccessOptions, BrokerOptions } from '../../src/index.ts';
import { MAX_WAITING_PASSWORD_CHECKS_PER_ADDRESS } from '../../src/limits.ts';
import { utf8 } from '../support/hex.ts';
import { developmentCertificates, rejection, until, withBroker } from '../support/loopback.ts';
import { KINDS, withListeners } from '../support/mqttjs.ts';

const test = suite('access');

const CHEAP = { ln: 10, r: 1, p: 1 };

async function passwords(...names: string[]): Promise<PasswordFile> {
  let text = '';
  for (const name of names) text = await withPassword(text, name, utf8(`${name}'s`), CHEAP);
  return PasswordFile.parse(text);
}

const reasonOf = async (promise: Promise<unknown>): Promise<number | undefined> =>
  (await rejection(promise)).reasonCode;

test('names and passwords on every listener, MQTT 5 and 3.1.1', async () => {
  const access: AccessOptions = { passwords: await passwords('ann'), rules: [{ allow: 'all', topic: 'u/%u' }] };
  await withListeners(
    async ({ dial }) => {
      for (const kind of KINDS) {
        for (const protocolVersion of [4, 5] as const) {
          const credentials = { protocolVersion, username: 'ann', password: "ann's" };
          const client = await dial(kind, credentials);
          await client.subscribeAsync('u/ann', { qos: 1 });
          const came = new Promise((resolve) => client.once('message', (_topic, payload) => resolve(String(payload))));
          await client.publishAsync('u/ann', kind, { qos: 1 });
          assert.is(await came, kind);
          const wrong = await dial(kind, { ...credentials, password: 'x' }).catch((error: { code?: number }) => error);
          assert.is(
            (wrong as { code?: number }).code,
            protocolVersion === 5 ? ReasonCode.BAD_USER_NAME_OR_PASSWORD : 4,
          );
        }
      }
    },
    { access },
  );
});

test('our client hears why it is refused', async () => {
  const access: AccessOptions = { passwords: await passwords('ann'), rules: [{ allow: 'all', topic: 'u/%u' }] };
  await withBroker(
    async ({ broker, connect }) => {
      assert.is(await reasonOf(connect('a')), ReasonCode.NOT_AUTHORIZED, 'nothing was shown');
      assert.is(await reasonOf(connect('a', { username: 'ann' })), ReasonCode.BAD_USER_NAME_OR_PASSWORD);
      assert.is(await reasonOf(connect('a', { username: 'eve', password: 'x' })), ReasonCode.BAD_USER_NAME_OR_PASSWORD);
      const client = await connect('a', { username: 'ann', password: "ann's" });
      assert.is(await reasonOf(client.subscriber('u/#')), ReasonCode.NOT_AUTHORIZED);
      const subscriber = await client.subscriber('u/ann');
      const publisher = await client.publisher('u/ann', 'x');
      assert.is(Buffer.from(await subscriber.read()).toString(), 'x');
      await publisher.close();
      assert.is(broker.stats().connections, 1);
    },
    { access },
  );
});

test('tokens as passwords, until they expire', async () => {
  const secret = new Uint8Array(32).fill(1);
  const tokens = await TokenVerifier.create({ key: secret, algorithms: ['HS256'], clockTolerance: 0 });
  const sign = (seconds: number): Promise<string> =>
    new SignJWT({ sub: 'ann', exp: Math.ceil(Date.now() / 1000) + seconds })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(secret);
  await withListeners(
    async ({ dial, broker }) => {
      assert.is(
        (
          (await dial('tcp', { protocolVersion: 5, password: Buffer.from('a.b.c'), username: '' }).catch(
            (error) => error,
          )) as { code?: number }
        ).code,
        0x86,
      );
      const byPassword = await dial('quic', { protocolVersion: 5, username: 'ann', password: "ann's" });
      assert.ok(byPassword.connected, 'passwords and tokens side by side');
      const client = await dial('tcp', { protocolVersion: 5, username: '', password: await sign(1) });
      let reason = 0;
      client.on('disconnect', ({ reasonCode }) => {
        reason = reasonCode ?? 0;
      });
      await until(() => reason !== 0);
      assert.is(reason, ReasonCode.MAXIMUM_CONNECT_TIME);
      await until(() => broker.stats().connections === 1);
    },
    { access: { tokens, passwords: await passwords('ann') } },
  );
});

test('names of certificates, over QUIC and TLS; a session belongs to its certificate', async () => {
  const { caPem, certificatePem, keyPem } = await developmentCertificates();
  const config = Config.fromPem({ caPem: testClientCaPem(), certificatePem, keyPem });
  const options: BrokerOptions = {
    access: { certificateName: 'common-name', rules: [{ allow: 'all', topic: 'd/%u' }] },
    listeners: [{ type: 'tls', port: 0 }],
  };
  const broker = await server('127.0.0.1:0', config, options);
  const connect = (name: string | undefined, clientId: string): Promise<Client> => {
    const own = name === undefined ? {} : testClientCertificate(name);
    return Client.connect(undefined, broker.address(), 'localhost', clientId, Config.fromPem({ caPem, ...own }));
  };
  const clients: Client[] = [];
  try {
    const device = await connect('device-7', 'c');
    clients.push(device);
    assert.is(await reasonOf(device.subscriber('d/device-8')), ReasonCode.NOT_AUTHORIZED);
    await (await device.subscriber('d/device-7')).close();
    assert.is(await reasonOf(connect('device-8', 'c')), ReasonCode.NOT_AUTHORIZED);
    assert.is(await reasonOf(connect(undefined, 'd')), ReasonCode.NOT_AUTHORIZED);
    const mqtt = (await import('mqtt')).default;
    const { certificatePem: cert, keyPem: key } = testClientCertificate('device-9');
    const { port } = broker.listeners()[1]!.address;
    const tls = await mqtt.connectAsync(`mqtts://127.0.0.1:${port}`, {
      ca: caPem,
      cert,
      key,
      servername: 'localhost',
      protocolVersion: 5,
    });
    assert.is((await tls.subscribeAsync('d/device-9'))[0]?.qos, 0);
    const refused = await tls.subscribeAsync('d/device-7').catch((error: Error) => error);
    assert.instance(refused, Error);
    await tls.endAsync(true);
  } finally {
    await Promise.all(clients.map((client) => client.close({ deadline: 500 })));
    await broker.close();
  }
});

test('hooks: identities, refusals, failures, and what is asked of authorize', async () => {
  const asked: string[] = [];
  const access: AccessOptions = {
    authenticate: async ({ username, clientId, remote }) => {
      assert.match(remote, /^127\.0\.0\.1:\d+$/);
      if (username === 'throw') throw new Error('the directory is down');
      if (username === 'number') return 5 as never;
      if (username === 'banned') return ReasonCode.BANNED;
      return username === undefined ? undefined : { name: `${username}@${clientId}` };
    },
    authorize: ({ identity, clientId, action, topic }) => {
      asked.push(`${identity} ${clientId} ${action} ${topic}`);
      if (topic === 'throw') throw new Error('no');
      return topic === 'yes';
    },
  };
  await withBroker(
    async ({ connect }) => {
      assert.is(await reasonOf(connect('a', { username: 'throw' })), ReasonCode.SERVER_UNAVAILABLE);
      assert.is(await reasonOf(connect('a', { username: 'number' })), ReasonCode.SERVER_UNAVAILABLE);
      assert.is(await reasonOf(connect('a', { username: 'banned' })), ReasonCode.BANNED);
      assert.is(await reasonOf(connect('a')), ReasonCode.NOT_AUTHORIZED, 'left to others, of which there are none');
      const client = await connect('a', { username: 'ann' });
      await client.subscriber('yes');
      assert.is(await reasonOf(client.subscriber('no')), ReasonCode.NOT_AUTHORIZED);
      assert.is(await reasonOf(client.subscriber('throw')), ReasonCode.NOT_AUTHORIZED);
      assert.equal(asked, ['ann@a a subscribe yes', 'ann@a a subscribe no', 'ann@a a subscribe throw']);
    },
    { access },
  );
});

test('rules can be replaced while clients are connected; wrong ones change nothing', async () => {
  await withListeners(async ({ broker, dial }) => {
    const client = await dial('tcp', { protocolVersion: 5 });
    await client.subscribeAsync(['a', 'b'], { qos: 1 });
    assert.is(broker.stats().subscriptions, 2);
    assert.throws(() => broker.setAccess({ rules: [{ allow: 'all', topic: '' }] }), /Access rule 1/);
    assert.is(broker.stats().subscriptions, 2);
    broker.setAccess({ rules: [{ allow: 'all', topic: 'a' }] });
    assert.is(broker.stats().subscriptions, 1);
    broker.setAccess({ passwords: await passwords('ann'), anonymous: false });
    const stranger = await dial('ws', { protocolVersion: 5 }).catch((error: { code?: number }) => error);
    assert.is((stranger as { code?: number }).code, ReasonCode.NOT_AUTHORIZED);
    broker.setAccess(undefined);
    await dial('ws', { protocolVersion: 5 });
  });
});

test('hundreds of wrong passwords at once: bounded work, the rest is told to wait, and others are served', async () => {
  await withListeners(
    async ({ dial, broker }) => {
      const publisher = await dial('tcp', { protocolVersion: 5, username: 'ann', password: "ann's" });
      const flood = Array.from({ length: 300 }, () =>
        dial('tcp', { protocolVersion: 5, username: 'ann', password: 'wrong' }).catch(
          (error: { code?: number }) => error.code,
        ),
      );
      await publisher.publishAsync('t', 'x', { qos: 1 });
      const codes = await Promise.all(flood);
      const checked = codes.filter((code) => code === ReasonCode.BAD_USER_NAME_OR_PASSWORD).length;
      const busy = codes.filter((code) => code === ReasonCode.SERVER_BUSY).length;
      // From one address.
      assert.ok(checked >= MAX_WAITING_PASSWORD_CHECKS_PER_ADDRESS, `${checked} were checked`);
      assert.is(checked + busy, codes.length);
      await until(() => broker.stats().connections === 1);
      assert.is(broker.stats().internalErrors, 0);
    },
    { access: { passwords: await passwords('ann') } },
  );
});

test('limits of the options are checked', async () => {
  const { certificatePem, keyPem } = await developmentCertificates();
  const config = Config.fromPem({ certificatePem, keyPem });
  const error = await rejection(server('127.0.0.1:0', config, { limits: { maxMessageRate: -1 } }));
  assert.is(error.code, 'ERR_MQTT_INVALID_ARGUMENT');
  assert.match(error.message, /limits\.maxMessageRate/);
  const wrong = await rejection(server('127.0.0.1:0', config, { access: { certificateName: 'cn' as never } }));
  assert.is(wrong.code, 'ERR_MQTT_ACCESS');
});

test.run();
