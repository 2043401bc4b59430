/** X25519MLKEM768 and the usual things with a peer that has it: Go, and Node where it stands on OpenSSL 3.5. */
import * as assert from 'node:assert/strict';
import { EncryptionLevel, NamedGroup, RootStore } from '@mquictt/tls13';
import { CLIENT_NAME } from '../pki.ts';
import { GO, type TlsCase } from './case.ts';
import { comeBack, withTickets } from './resumption.ts';

const { SECP256R1, SECP384R1, X25519, X25519MLKEM768 } = NamedGroup;
const GROUPS = Object.entries({
  X25519MLKEM768,
  x25519: X25519,
  secp256r1: SECP256R1,
  secp384r1: SECP384R1,
});

const cases: readonly TlsCase[] = [
  {
    name: 'X25519MLKEM768 by the defaults of both',
    async run(meeting) {
      const { report } = await meeting.meet();
      assert.equal(report.group, X25519MLKEM768);
    },
  },
  ...GROUPS.map(([name, group]): TlsCase => ({
    name: `group ${name}`,
    async run(meeting) {
      const { report } = await meeting.meet({ peer: { groups: [group] } });
      assert.equal(report.group, group);
    },
  })),
  {
    name: 'HelloRetryRequest for X25519MLKEM768',
    // Go sends a share of the hybrid whenever it may use it.
    roles: ['client'],
    async run(meeting) {
      const { end, report } = await meeting.meet({
        peer: { groups: [X25519MLKEM768] },
        ours: { groups: [X25519, X25519MLKEM768], keyShareGroups: [X25519] },
      });
      assert.equal(report.group, X25519MLKEM768);
      const hellos = end.connection.events.filter(
        (event) => event.type === 'send' && event.level === EncryptionLevel.INITIAL,
      );
      assert.equal(hellos.length, 2);
    },
  },
  {
    name: 'resumption with X25519MLKEM768',
    async run(meeting) {
      const { second } = await comeBack(meeting, withTickets(meeting));
      assert.ok(second.complete.isResumed);
      assert.equal(second.report.group, X25519MLKEM768);
    },
  },
  {
    name: 'client certificate',
    async run(meeting) {
      const roots = RootStore.fromPem(meeting.pki.caPem);
      const { end, report } = await meeting.meet({
        clientIdentity: meeting.pki.clients['ecdsa-p256'],
        ...(meeting.role === 'client'
          ? { peer: { clientCertificates: 'required' } }
          : { ours: { clientAuthentication: { roots } } }),
      });
      if (meeting.role === 'client') assert.equal(report.peerName, CLIENT_NAME);
      else assert.equal(end.connection.handshake.peerCertificates.length, 1);
    },
  },
];

export const HYBRID: readonly TlsCase[] = cases.map((test) => ({ ...test, peers: [GO] }));
