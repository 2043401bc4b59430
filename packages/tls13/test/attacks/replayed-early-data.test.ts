/**
 * Early data that someone recorded and sends again (RFC 8446 §8). Nothing tells the server that it is not the client until Finished does not come, so
 * the attack has succeeded as soon as the early data is let in. What has to happen is that it is refused, and that no connection follows.
 */
import { TEST_UNIX_TIME } from '@mquictt/testkit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EncryptionLevel, type Handshake, type HandshakeEvent } from '../../src/handshake.ts';
import { nodeProvider } from '../../src/node/index.ts';
import { ServerHandshake } from '../../src/server-handshake.ts';
import type { EarlyDataGuard } from '../../src/sessions/early-data-guard.ts';
import { StrikeRegister } from '../../src/sessions/strike-register.ts';
import {
  SERVER_EXTENSION,
  connect,
  drain,
  eventNames,
  newServer,
  sentAt,
  serverConfig,
} from '../support/handshakes.ts';
import { firstSessions, resuming, returningClient } from '../support/sessions.ts';
import { switchedSources } from '../support/switches.ts';

const { INITIAL } = EncryptionLevel;
const test = suite('attacks with early data');

const LETS_ALL_IN: EarlyDataGuard = { admit: () => true };
const MINUTE = 60_000;
/** The register has watched for long enough to know what is new. */
const register = (): EarlyDataGuard =>
  new StrikeRegister({ provider: nodeProvider, unixTime: TEST_UNIX_TIME - MINUTE });

/** A client's first flight with early data as it went over the wire, and what its server said to it. */
function recorded(guard: EarlyDataGuard): {
  flight: Uint8Array;
  config: ReturnType<typeof resuming>;
  accepted: boolean;
} {
  const config = resuming({ provider: nodeProvider }, { earlyData: guard });
  const [session] = firstSessions(config);
  const client = returningClient(session!, { earlyData: true });
  const { clientEvents, serverEvents } = connect(client, newServer(config));
  assert.ok(client.isComplete);
  return { flight: sentAt(clientEvents, INITIAL), config, accepted: isLetIn(serverEvents) };
}

function isLetIn(events: readonly HandshakeEvent[]): boolean {
  const decision = events.find((event) => event.type === 'early-data');
  assert.ok(decision?.type === 'early-data');
  // The keys of early data come with the permission and never without.
  const { isAccepted } = decision as { isAccepted: boolean };
  assert.is(eventNames(events).includes('read-secret 1'), isAccepted);
  return isAccepted;
}

function replayed(server: Handshake, flight: Uint8Array, unixTime: number = TEST_UNIX_TIME): boolean {
  server.handleMessages(INITIAL, flight, unixTime);
  const events = drain(server);
  assert.not(events.some(({ type }) => type === 'complete'));
  assert.not(server.isComplete);
  return isLetIn(events);
}

test('a first flight sent again gets in where the guard lets all in', () => {
  const { flight, config, accepted } = recorded(LETS_ALL_IN);
  assert.ok(accepted);
  assert.ok(replayed(newServer(config), flight));
});

test('a first flight sent again is refused its early data (RFC 8446 §8.1, §8.2)', () => {
  const { flight, config, accepted } = recorded(register());
  assert.ok(accepted);
  for (let i = 0; i < 3; i++) assert.not(replayed(newServer(config), flight, TEST_UNIX_TIME + i * 5_000));
});

test('a first flight held back gets in where nobody looks at its age', async () => {
  const { flight, config } = recorded(LETS_ALL_IN);
  const switched = await switchedSources();
  switched.throwSwitches(['early data is fresh']);
  const server = new switched.ServerHandshake(serverConfig(config), { extensions: [SERVER_EXTENSION] });
  assert.ok(replayed(server, flight, TEST_UNIX_TIME + 10 * MINUTE));
});

test('a first flight held back is refused its early data (RFC 8446 §8.3)', () => {
  const { flight, config } = recorded(LETS_ALL_IN);
  const fresh = (delay: number): boolean =>
    replayed(
      new ServerHandshake(serverConfig(config), { extensions: [SERVER_EXTENSION] }),
      flight,
      TEST_UNIX_TIME + delay,
    );
  for (const delay of [0, 9_999, 10_000]) assert.ok(fresh(delay));
  for (const delay of [10_001, 10 * MINUTE, 23 * 60 * MINUTE]) assert.not(fresh(delay));
});

test('a flight recorded before a restart is refused after it (RFC 8446 §8.2)', () => {
  const { flight, config } = recorded(register());
  const restarted = resuming(config, {
    ...config.resumption,
    earlyData: new StrikeRegister({ provider: nodeProvider, unixTime: TEST_UNIX_TIME + 1 }),
  });
  assert.not(replayed(newServer(restarted), flight, TEST_UNIX_TIME + 2));
  const forgetful = resuming(config, { ...config.resumption, earlyData: LETS_ALL_IN });
  assert.ok(replayed(newServer(forgetful), flight, TEST_UNIX_TIME + 2));
});

test.run();
