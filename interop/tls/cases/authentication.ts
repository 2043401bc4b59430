/** Chains that are good, and those that are not: the right alert, and no connection. */
import * as assert from 'node:assert/strict';
import { Alert, CredentialStore, TlsError } from '@mquictt/tls13';
import { alertNumber } from '../peer.ts';
import { SERVER_NAME, credentialFrom, type Pki } from '../pki.ts';
import type { ConnectSpec, Meeting, Pair, Place, Spec } from '../meeting.ts';
import { GO, NODE, failure, type TlsCase } from './case.ts';

/** Node looks at certificates after the handshake, and cuts the connection without an alert. */
interface Refusal {
  readonly name: string;
  spec(pki: Pki): Spec;
  readonly connect?: ConnectSpec;
  /** What we send, and openssl. Go says bad_certificate, whatever the reason. */
  readonly alert: string;
  readonly alertNumber: number;
  /** What Node says. */
  readonly nodeCode: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "server's name is another",
    spec: (pki) => ({ serverIdentity: pki.otherName }),
    alert: 'bad_certificate',
    alertNumber: Alert.BAD_CERTIFICATE,
    nodeCode: 'ERR_TLS_CERT_ALTNAME_INVALID',
  },
  {
    name: "server's authority is unknown",
    spec: () => ({ strangeCa: true }),
    alert: 'unknown_ca',
    alertNumber: Alert.UNKNOWN_CA,
    nodeCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  },
  {
    name: "server's certificate has expired",
    spec: (pki) => ({ serverIdentity: pki.expired }),
    alert: 'certificate_expired',
    alertNumber: Alert.CERTIFICATE_EXPIRED,
    nodeCode: 'CERT_HAS_EXPIRED',
  },
];

const refusals = REFUSALS.map((refusal): TlsCase => ({
  name: refusal.name,
  run: (meeting) => refuse(meeting, refusal),
}));

async function refuse(meeting: Meeting, refusal: Refusal): Promise<void> {
  const pair = await meeting.connect(refusal.spec(meeting.pki), refusal.connect);
  const { ours, theirs } = await failure(pair);
  if (meeting.role === 'client') {
    assert.equal(ours, `sent ${refusal.alert}`);
    assert.equal(alertNumber(theirs), refusal.alertNumber, theirs);
    assert.equal(pair.end.event('complete'), undefined);
  } else if (meeting.peer.name === NODE) assert.ok(theirs.startsWith(refusal.nodeCode), theirs);
  else {
    assert.equal(ours, `received ${meeting.peer.name === GO ? 'bad_certificate' : refusal.alert}`);
    assert.equal(pair.end.event('complete'), undefined);
  }
}

export const AUTHENTICATION: readonly TlsCase[] = [
  {
    name: 'chain with an intermediate',
    async run(meeting) {
      const { end } = await meeting.meet({ serverIdentity: meeting.pki.withIntermediate });
      if (meeting.role === 'client') assert.equal(end.connection.handshake.peerCertificates.length, 2);
    },
  },
  {
    name: 'Certificate message of several records',
    async run(meeting) {
      const { end } = await meeting.meet({ serverIdentity: meeting.pki.large });
      if (meeting.role === 'client') assert.ok((end.connection.handshake.peerCertificates[0]?.length ?? 0) > 2 ** 14);
    },
  },
  ...refusals,
  {
    name: 'our server chooses its certificate by the name that was dialled',
    roles: ['server'],
    async run(meeting) {
      const { otherName, servers } = meeting.pki;
      const all = [servers['ecdsa-p256'], otherName].map((identity) => credentialFrom(identity, meeting.provider));
      const place = await meeting.start({ chooser: new CredentialStore(all), serverIdentity: otherName });
      const { complete } = await place.meet({ serverName: otherName.commonName });
      assert.equal(complete.serverName, otherName.commonName);
    },
  },
  {
    name: 'our server takes its time to choose its certificate',
    roles: ['server'],
    async run(meeting) {
      const { withIntermediate } = meeting.pki;
      const place = await meeting.start({ chooser: { choose: () => 'wait' }, serverIdentity: withIntermediate });
      const pair = await place.connect();
      const { offer } = await pair.end.told('choose-certificate');
      assert.equal(offer.serverName, SERVER_NAME);
      pair.end.decide((handshake) => {
        handshake.provideCredential(credentialFrom(withIntermediate, meeting.provider));
      });
      await place.check(pair);
    },
  },
  {
    name: 'our application takes its time, and accepts the server',
    roles: ['client'],
    async run(meeting) {
      const { place, pair } = await untilJudged(meeting);
      pair.end.decide((handshake) => handshake.acceptPeerChain());
      await place.check(pair);
    },
  },
  {
    name: 'our application refuses the server',
    roles: ['client'],
    async run(meeting) {
      const { pair } = await untilJudged(meeting);
      pair.end.decide((handshake) => {
        const error = new TlsError('ERR_TLS_CERTIFICATE_REJECTED', Alert.ACCESS_DENIED, 'Not this one');
        handshake.rejectPeerChain(error);
        throw error;
      });
      const { theirs } = await failure(pair);
      assert.equal(alertNumber(theirs), Alert.ACCESS_DENIED, theirs);
      assert.equal(pair.end.event('complete'), undefined);
    },
  },
];

/** A connection in which our application is asked about the server. */
async function untilJudged(meeting: Meeting): Promise<{ place: Place; pair: Pair }> {
  const place = await meeting.start({ ours: { judgePeerChain: true } });
  const pair = await place.connect();
  const { path } = await pair.end.told('judge-peer-chain');
  assert.equal(path.length, 2);
  return { place, pair };
}
