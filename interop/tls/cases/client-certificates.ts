/** Mutual TLS: required or optional, present, absent or of an authority that the server does not know. */
import * as assert from 'node:assert/strict';
import { Alert, RootStore, readCertificatesPem } from '@mquictt/tls13';
import type { Meeting, Met, Spec } from '../meeting.ts';
import { alertNumber } from '../peer.ts';
import { CLIENT_NAME, KEY_TYPES, type Identity } from '../pki.ts';
import { GO, NODE, failure, lacksKeyType, type TlsCase } from './case.ts';

/** What makes the server, whichever it is, ask for certificates. */
function asking(meeting: Meeting, wants: 'optional' | 'required', clientIdentity?: Identity): Spec {
  const isRequired = wants === 'required';
  return {
    ...(clientIdentity === undefined ? {} : { clientIdentity }),
    ...(meeting.role === 'client'
      ? { peer: { clientCertificates: wants } }
      : { ours: { clientAuthentication: { roots: RootStore.fromPem(meeting.pki.caPem), isRequired } } }),
  };
}

/** Asserts that the server saw this client's certificate. */
function assertSeen(meeting: Meeting, { end, report }: Met, identity: Identity): void {
  if (meeting.role === 'client') assert.equal(report.peerName, CLIENT_NAME);
  else {
    const [expected] = readCertificatesPem(identity.certificatePem);
    assert.deepEqual(end.connection.handshake.peerCertificates[0], expected);
  }
}

const keyTypes = KEY_TYPES.map((keyType): TlsCase => ({
  name: `client's key ${keyType}`,
  impossible: (peer) => lacksKeyType(peer, keyType),
  async run(meeting) {
    const identity = meeting.pki.clients[keyType];
    assertSeen(meeting, await meeting.meet(asking(meeting, 'required', identity)), identity);
  },
}));

export const CLIENT_CERTIFICATES: readonly TlsCase[] = [
  ...keyTypes,
  {
    name: 'client certificate: optional and there',
    async run(meeting) {
      const identity = meeting.pki.clients['ecdsa-p256'];
      assertSeen(meeting, await meeting.meet(asking(meeting, 'optional', identity)), identity);
    },
  },
  {
    name: 'client certificate: optional and absent',
    async run(meeting) {
      const { end, report } = await meeting.meet(asking(meeting, 'optional'));
      if (meeting.role === 'client') assert.equal(report.peerName, '');
      else assert.equal(end.connection.handshake.peerCertificates.length, 0);
    },
  },
  {
    name: 'client certificate: required and absent',
    async run(meeting) {
      const { ours, theirs } = await failure(await meeting.connect(asking(meeting, 'required')));
      if (meeting.role === 'server') {
        assert.equal(ours, 'sent certificate_required');
        assert.equal(alertNumber(theirs), Alert.CERTIFICATE_REQUIRED, theirs);
      } else if (meeting.peer.name !== NODE) assert.equal(ours, 'received certificate_required');
    },
  },
  {
    name: 'client certificate: of a strange authority',
    async run(meeting) {
      const pair = await meeting.connect(asking(meeting, 'required', meeting.pki.strangeClient));
      const { ours, theirs } = await failure(pair);
      if (meeting.role === 'server' && meeting.peer.name === GO) {
        // It presents none that is not of the certificate_authorities that we name.
        assert.equal(ours, 'sent certificate_required');
      } else if (meeting.role === 'server') {
        assert.equal(ours, 'sent unknown_ca');
        assert.equal(alertNumber(theirs), Alert.UNKNOWN_CA, theirs);
      } else if (meeting.peer.name !== NODE) assert.equal(ours, 'received unknown_ca');
    },
  },
];
