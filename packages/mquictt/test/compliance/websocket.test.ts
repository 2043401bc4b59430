/** WebSocket as a transport (MQTT 5 §6). That text ends the connection is shown in attacks/hostile-listeners.test.ts. */
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import * as codec from '../../src/packets/codec.ts';
import { until } from '../support/loopback.ts';
import { withListeners } from '../support/mqttjs.ts';

const test = suite('compliance: websocket');

for (const protocolVersion of [4, 5] as const) {
  const id = (n: number): string => `[${protocolVersion === 5 ? 'MQTT' : 'MQTT311'}-6.0.0-${n}]`;

  test(`${id(2)} ${id(4)} packets are split over frames and share them; the subprotocol is mqtt`, () =>
    withListeners(async ({ port }) => {
      const webSocket = new WebSocket(`ws://127.0.0.1:${port('ws')}/mqtt`, ['chat', 'mqtt']);
      let received = '';
      webSocket.on('message', (data: Buffer, isBinary: boolean) => {
        assert.ok(isBinary);
        received += data.toString('hex');
      });
      await once(webSocket, 'open');
      assert.is(webSocket.protocol, 'mqtt');
      const connect = codec.encodeConnect({ protocolVersion, clientId: 'c', cleanStart: true, keepAlive: 0 });
      for (const byte of connect) webSocket.send(Uint8Array.of(byte));
      await until(() => received.startsWith('20'));
      const before = received.length;
      // Three PINGREQ and the half of one, then the rest.
      webSocket.send(Buffer.from('c000c000c000c0', 'hex'));
      webSocket.send(Buffer.from('00', 'hex'));
      await until(() => received.length >= before + 16);
      assert.is(received.slice(before), 'd000'.repeat(4));
      webSocket.close();
      await once(webSocket, 'close');
    }));
}

test.run();
