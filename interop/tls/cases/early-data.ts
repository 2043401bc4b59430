/** Early data, accepted and refused, with openssl: Node has none, and Go's neither. */
import * as assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NamedGroup, SealedTickets, StrikeRegister, type ClientSession, type EarlyDataGuard } from '@mquictt/tls13';
import { nodeRandom } from '@mquictt/tls13/node';
import type { Meeting, Met, Role, Spec } from '../meeting.ts';
import { OPENSSL, type TlsCase } from './case.ts';
import { sessionOf } from './resumption.ts';

const { SECP256R1, X25519 } = NamedGroup;
const EARLY = 'here is early data\n';
/** To openssl more than a record holds; to us as much as our tickets allow. */
const LARGE_SIZE: Readonly<Record<Role, number>> = { client: 20_000, server: 16_384 };
const SIZES = {
  little: () => EARLY,
  much: (role: Role) => `${EARLY.trim().padEnd(LARGE_SIZE[role] - EARLY.length, '.')}${EARLY}`,
};
/** For s_server, which reads no more. */
const ACCEPT = ['-early_data', '-max_early_data', '65536', '-recv_max_early_data', '65536'];

const CLIENT_RETRIES: Spec = {
  peer: { groups: [SECP256R1] },
  ours: { groups: [X25519, SECP256R1], keyShareGroups: [X25519] },
};
const SERVER_RETRIES: Spec = { peer: { groups: [X25519, SECP256R1] }, ours: { groups: [SECP256R1] } };

/** Connects to s_server with and then without a ticket's early data. */
async function sendEarly(meeting: Meeting, spec: Spec, earlyData: string, uses = 1): Promise<Met> {
  const place = await meeting.start({ ...spec, peer: { ...spec.peer, args: ACCEPT } });
  const first = await place.meet();
  const session = (await sessionOf(meeting, first)) as ClientSession;
  assert.equal(session.maxEarlyDataSize, 65_536);
  for (let use = 1; ; use++) {
    first.end.close();
    const met = await place.meet({ session, earlyData });
    if (use === uses) return met;
    met.end.close();
  }
}

/** Lets s_client connect, and come back with early data. */
async function receiveEarly(meeting: Meeting, spec: Spec, guard: EarlyDataGuard, earlyData: string): Promise<Met> {
  const tickets = new SealedTickets({ provider: meeting.provider, random: nodeRandom });
  const place = await meeting.start({ ...spec, ours: { ...spec.ours, resumption: { tickets, earlyData: guard } } });
  const first = await place.meet();
  const session = await first.peer.session();
  first.end.close();
  const file = join(meeting.pki.folder, 'early-data');
  writeFileSync(file, earlyData);
  return place.meet({ session, args: ['-early_data', file] });
}

/** One that has been running long enough to know what it let in. */
function strikeRegister(meeting: Meeting): StrikeRegister {
  return new StrikeRegister({ provider: meeting.provider, unixTime: Date.now() - 60_000 });
}

const REFUSING: EarlyDataGuard = { admit: () => false };

export const EARLY_DATA: readonly TlsCase[] = [
  ...Object.entries(SIZES).map(([size, make]): TlsCase => ({
    name: `${size} early data, accepted`,
    peers: [OPENSSL],
    async run(meeting) {
      const data = make(meeting.role);
      if (meeting.role === 'client') {
        const { end, peer } = await sendEarly(meeting, {}, data);
        assert.equal(end.event('early-data')?.isAccepted, true);
        await peer.read('Early data received:\n');
        // It prints each record's as it comes, and other things in between.
        await peer.read(data.slice(0, 100));
        await peer.read(data.slice(-100));
      } else {
        const { end, peer } = await receiveEarly(meeting, {}, strikeRegister(meeting), data);
        assert.equal(end.event('early-data')?.isAccepted, true);
        assert.equal(end.connection.receivedEarly, data);
        await peer.read('Early data was accepted');
      }
    },
  })),
  ...Object.entries(SIZES).map(([size, make]): TlsCase => ({
    name: `${size} early data, refused to a resumed client`,
    roles: ['server'],
    peers: [OPENSSL],
    async run(meeting) {
      const { end, peer, complete } = await receiveEarly(meeting, {}, REFUSING, make(meeting.role));
      assert.ok(complete.isResumed);
      assert.equal(end.event('early-data')?.isAccepted, false);
      assert.equal(end.connection.receivedEarly, '');
      await peer.read('Early data was rejected');
    },
  })),
  {
    name: 'early data, refused since the ticket was used before',
    roles: ['client'],
    peers: [OPENSSL],
    async run(meeting) {
      const { end, complete } = await sendEarly(meeting, {}, EARLY, 2);
      assert.equal(end.event('early-data')?.isAccepted, false);
      assert.ok(!complete.isResumed);
    },
  },
  {
    name: 'early data, refused by a HelloRetryRequest',
    peers: [OPENSSL],
    async run(meeting) {
      if (meeting.role === 'client') {
        const { end } = await sendEarly(meeting, CLIENT_RETRIES, EARLY);
        assert.equal(end.event('early-data')?.isAccepted, false);
      } else {
        const { end, peer } = await receiveEarly(meeting, SERVER_RETRIES, strikeRegister(meeting), EARLY);
        assert.equal(end.event('early-data')?.isAccepted, false);
        assert.equal(end.connection.receivedEarly, '');
        await peer.read('Early data was rejected');
      }
    },
  },
];
