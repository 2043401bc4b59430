/** Tickets of both sides, and what becomes of them. */
import * as assert from 'node:assert/strict';
import { NamedGroup, RootStore, SealedTickets, StoredTickets, TLS_AES_256_GCM_SHA384 } from '@mquictt/tls13';
import type { ClientSession, SessionTickets } from '@mquictt/tls13';
import { nodeRandom } from '@mquictt/tls13/node';
import type { Meeting, Met, Place, Spec } from '../meeting.ts';
import { CLIENT_NAME } from '../pki.ts';
import { GO, OPENSSL, type TlsCase } from './case.ts';

const { SECP256R1, X25519 } = NamedGroup;

/** What makes the server, whichever it is, give tickets, as it may need on top of `spec`. */
export function withTickets(meeting: Meeting, spec: Spec = {}, tickets: SessionTickets = sealed(meeting)): Spec {
  return meeting.role === 'client' ? spec : { ...spec, ours: { ...spec.ours, resumption: { tickets } } };
}

/** What the client, whichever it is, keeps of a connection. */
export async function sessionOf(meeting: Meeting, { end, peer }: Met): Promise<unknown> {
  return meeting.role === 'client' ? (await end.told('session')).session : await peer.session();
}

/** Connects twice, the second time with the ticket of the first. */
export async function comeBack(meeting: Meeting, spec: Spec): Promise<{ place: Place; session: unknown; second: Met }> {
  const place = await meeting.start(spec);
  const first = await place.meet();
  assert.ok(!first.complete.isResumed);
  const session = await sessionOf(meeting, first);
  first.end.close();
  const second = await place.meet({ session });
  return { place, session, second };
}

function sealed(meeting: Meeting): SealedTickets {
  return new SealedTickets({ provider: meeting.provider, random: nodeRandom });
}

function stored(): StoredTickets {
  return new StoredTickets({ random: nodeRandom });
}

const THIRD_TIME: TlsCase = {
  name: 'resumption a third time, by the ticket of the second',
  async run(meeting) {
    const { place, second } = await comeBack(meeting, withTickets(meeting));
    const session = await sessionOf(meeting, second);
    second.end.close();
    const third = await place.meet({ session });
    assert.ok(third.complete.isResumed);
  },
};

export const RESUMPTION: readonly TlsCase[] = [
  {
    name: 'resumption',
    async run(meeting) {
      const { second } = await comeBack(meeting, withTickets(meeting));
      assert.ok(second.complete.isResumed);
    },
  },
  {
    name: 'resumption with SHA-384',
    async run(meeting) {
      const spec: Spec = {
        peer: { suite: TLS_AES_256_GCM_SHA384.name },
        ours: { cipherSuites: [TLS_AES_256_GCM_SHA384] },
      };
      const { second } = await comeBack(meeting, withTickets(meeting, spec));
      assert.ok(second.complete.isResumed);
      assert.equal(second.report.suite, TLS_AES_256_GCM_SHA384.name);
    },
  },
  {
    name: 'resumption after a HelloRetryRequest',
    async run(meeting) {
      const spec: Spec =
        meeting.role === 'client'
          ? { peer: { groups: [SECP256R1] }, ours: { groups: [X25519, SECP256R1], keyShareGroups: [X25519] } }
          : { peer: { groups: [X25519, SECP256R1] }, ours: { groups: [SECP256R1] } };
      const { second } = await comeBack(meeting, withTickets(meeting, spec));
      assert.ok(second.complete.isResumed);
    },
  },
  { ...THIRD_TIME, roles: ['server'] },
  // Node sends no tickets to those whom it resumes.
  { ...THIRD_TIME, roles: ['client'], peers: [OPENSSL, GO] },
  {
    name: 'a resumed connection keeps the server whom it knew',
    roles: ['client'],
    async run(meeting) {
      const { session, second } = await comeBack(meeting, {});
      assert.deepEqual(second.end.connection.handshake.peerCertificates, (session as ClientSession).peerCertificates);
    },
  },
  {
    name: 'a resumed connection keeps the client whom it knew',
    roles: ['server'],
    async run(meeting) {
      const roots = RootStore.fromPem(meeting.pki.caPem);
      const place = await meeting.start(
        withTickets(meeting, {
          clientIdentity: meeting.pki.clients['ecdsa-p256'],
          ours: { clientAuthentication: { roots, judgePeerChain: true } },
        }),
      );
      const pair = await place.connect();
      await pair.end.told('judge-peer-chain');
      pair.end.decide((handshake) => handshake.acceptPeerChain('sensor 7'));
      const first = await place.check(pair);
      assert.equal(first.complete.peerIdentity, 'sensor 7');
      const session = await first.peer.session();
      first.end.close();
      const second = await place.meet({ session });
      assert.ok(second.complete.isResumed);
      assert.equal(second.complete.peerIdentity, 'sensor 7');
    },
  },
  {
    name: 'our client shows its certificate once',
    roles: ['client'],
    // Node forgets it.
    peers: [OPENSSL, GO],
    async run(meeting) {
      const { second } = await comeBack(meeting, {
        clientIdentity: meeting.pki.clients['ecdsa-p256'],
        peer: { clientCertificates: 'required' },
      });
      assert.ok(second.complete.isResumed);
      assert.equal(second.report.peerName, CLIENT_NAME);
    },
  },
  {
    name: 'our server takes its time to look up a ticket',
    roles: ['server'],
    async run(meeting) {
      const tickets = sealed(meeting);
      const waiting: SessionTickets = {
        issue: (session, unixTime) => tickets.issue(session, unixTime),
        redeem: () => 'wait',
      };
      const place = await meeting.start(withTickets(meeting, {}, waiting));
      const first = await place.meet();
      const session = await first.peer.session();
      first.end.close();
      const pair = await place.connect({ session });
      const { ticket } = await pair.end.told('look-up-ticket');
      pair.end.decide((handshake) => handshake.provideSession(tickets.redeem(ticket, Date.now())));
      const { complete } = await place.check(pair);
      assert.ok(complete.isResumed);
    },
  },
  {
    name: 'a stored ticket is good once',
    roles: ['server'],
    async run(meeting) {
      const { place, session, second } = await comeBack(meeting, withTickets(meeting, {}, stored()));
      assert.ok(second.complete.isResumed);
      second.end.close();
      const third = await place.meet({ session });
      assert.ok(!third.complete.isResumed);
    },
  },
  {
    name: 'a ticket whose key is gone leads to a full handshake',
    roles: ['server'],
    async run(meeting) {
      const tickets = sealed(meeting);
      const place = await meeting.start(withTickets(meeting, {}, tickets));
      const first = await place.meet();
      const session = await first.peer.session();
      first.end.close();
      tickets.setKeys([new Uint8Array(32).fill(7)]);
      const second = await place.meet({ session });
      assert.ok(!second.complete.isResumed);
    },
  },
  {
    name: 'no tickets where the server gives none',
    roles: ['server'],
    async run(meeting) {
      // Tickets would come before the application data that meet() has seen.
      const { peer } = await meeting.meet();
      assert.ok(!peer.hasTicket);
    },
  },
  {
    name: 'no tickets where our client refuses them',
    roles: ['client'],
    async run(meeting) {
      const { end } = await meeting.meet({ ours: { refuseTickets: true } });
      assert.equal(end.event('session'), undefined);
    },
  },
  {
    name: 'no tickets: -num_tickets 0',
    roles: ['client'],
    peers: [OPENSSL],
    async run(meeting) {
      const { end } = await meeting.meet({ peer: { args: ['-num_tickets', '0'] } });
      assert.equal(end.event('session'), undefined);
    },
  },
  {
    name: 'four tickets: -num_tickets 4',
    roles: ['client'],
    peers: [OPENSSL],
    async run(meeting) {
      const { end } = await meeting.meet({ peer: { args: ['-num_tickets', '4'] } });
      assert.equal(end.connection.events.filter(({ type }) => type === 'session').length, 4);
    },
  },
  {
    name: 'resumption by the sessions of a cache: -no_ticket',
    roles: ['client'],
    peers: [OPENSSL],
    async run(meeting) {
      const { second } = await comeBack(meeting, { peer: { args: ['-no_ticket'] } });
      assert.ok(second.complete.isResumed);
    },
  },
];
