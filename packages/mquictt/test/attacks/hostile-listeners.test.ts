/** Peers that abuse the listeners before MQTT begins: the broker's memory stays bounded, and others are served. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { until } from '../support/loopback.ts';
import { withListeners } from '../support/mqttjs.ts';
import { random } from '../support/seed.ts';
import { dialSocket, isServed, isUnharmed, open, SOCKET_KINDS } from '../support/sockets.ts';
import { dialTls } from '../transports/wires.ts';

const test = suite('hostile-listeners');

const upgrade = (more = ''): string =>
  `GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nSec-WebSocket-Protocol: mqtt\r\n${more}\r\n`;

for (const kind of SOCKET_KINDS) {
  test(`${kind}: beyond the limit of half-open connections the oldest goes, and who brings a CONNECT gets in`, () =>
    withListeners(
      async (meeting) => {
        const silent: Socket[] = [];
        for (let i = 0; i < 60; i++) silent.push(await dialSocket(meeting.port(kind)));
        await until(() => open(silent) === 20);
        assert.is(open(silent.slice(0, 40)), 0, 'the oldest');
        await isServed(meeting, kind);
        // One of them had to make room for the client.
        await until(() => open(silent) === 19);
        for (const socket of silent) socket.destroy();
        await isUnharmed(meeting);
      },
      { listeners: SOCKET_KINDS.map((type) => ({ type, port: 0, maxHalfOpenConnections: 20 })) },
    ));

  test(`${kind}: random bytes, from the first on and behind each handshake`, () =>
    withListeners(async (meeting) => {
      const draw = random();
      const port = meeting.port(kind);
      const noise = (): Buffer => Buffer.from(Array.from({ length: 1 + Math.floor(draw() * 600) }, () => draw() * 256));
      for (let i = 0; i < 60; i++) {
        const isDeep = i % 2 === 1;
        const isSecure = kind === 'tls' || kind === 'wss';
        const ALPNProtocols = [kind === 'tls' ? 'mqtt' : 'http/1.1'];
        const socket =
          isDeep && isSecure ? await dialTls(port, '127.0.0.1', { ALPNProtocols }) : await dialSocket(port);
        socket.on('error', () => {}).resume();
        if (isDeep && (kind === 'ws' || kind === 'wss')) {
          socket.write(upgrade());
          await once(socket, 'data');
        }
        socket.write(noise());
        if (draw() < 0.5) socket.end(noise());
        else setTimeout(() => socket.destroy(), draw() * 20);
      }
      await isServed(meeting, kind);
      await isUnharmed(meeting);
    }));
}

for (const kind of ['ws', 'wss'] as const) {
  const endsWith = (code: number, run: (webSocket: WebSocket, socket: Socket) => void): Promise<void> =>
    withListeners(async (meeting) => {
      const url = `${kind}://127.0.0.1:${meeting.port(kind)}/mqtt`;
      const webSocket = new WebSocket(url, 'mqtt', { rejectUnauthorized: false, perMessageDeflate: false });
      webSocket.on('error', () => {});
      const closed = new Promise<number>((resolve) => webSocket.once('close', resolve));
      let socket: Socket | undefined;
      webSocket.once('upgrade', (response) => {
        socket = response.socket;
      });
      await once(webSocket, 'open');
      run(webSocket, socket!);
      assert.is(await closed, code);
      await isServed(meeting, kind);
      await isUnharmed(meeting);
    });

  test(`[MQTT-6.0.0-1] [MQTT311-6.0.0-1] ${kind}: a frame of text ends the connection`, () =>
    endsWith(1003, (webSocket) => webSocket.send('text')));

  test(`${kind}: a frame larger than any packet is refused by its header, before its bytes come`, () =>
    endsWith(1009, (_, socket) => socket.write(Buffer.from('82ff000001000000000000000000', 'hex'))));
}

test('[MQTT-6.0.0-3] HTTP: what is no WebSocket with the subprotocol mqtt is told so, once', () =>
  withListeners(async (meeting) => {
    const ask = async (request: string): Promise<string> => {
      const socket = connect({ port: meeting.port('ws'), host: '127.0.0.1' });
      let answer = '';
      socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
      socket.write(request);
      await once(socket, 'close');
      return answer.split('\r\n')[0]!;
    };
    assert.is(await ask('GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n'), 'HTTP/1.1 426 Upgrade Required');
    assert.is(await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'HTTP/1.1 404 Not Found');
    assert.is(await ask(upgrade().replace('/mqtt', '/other')), 'HTTP/1.1 404 Not Found');
    assert.is(await ask(upgrade().replace('Protocol: mqtt', 'Protocol: chat')), 'HTTP/1.1 400 Bad Request');
    assert.is(await ask(upgrade(`X: ${'x'.repeat(10_000)}\r\n`)), '');
    await isServed(meeting, 'ws');
    await isUnharmed(meeting);
  }));

test('more bytes before CONNECT than any CONNECT needs end the connection', () =>
  withListeners(async (meeting) => {
    const socket = await dialSocket(meeting.port('ws'));
    socket.write(upgrade());
    await once(socket, 'data');
    // A frame of 1 MiB less one byte, which the limit of frames allows.
    socket.write(Buffer.from('82ff00000000000fffff00000000', 'hex'));
    socket.write(Buffer.alloc(500_000));
    await once(socket, 'close');
    await isUnharmed(meeting);
  }));

test.run();
