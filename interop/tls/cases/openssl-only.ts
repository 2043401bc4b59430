/** What only openssl's programs can show: stapled OCSP responses, small and padded records, cookies, KeyUpdate. */
import * as assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Alert, CredentialStore } from '@mquictt/tls13';
import { alertNumber } from '../peer.ts';
import { credentialFrom, type Pki } from '../pki.ts';
import { OPENSSL, failure, type TlsCase } from './case.ts';

/** Has openssl make an OCSP response for the usual certificate of the server. @returns its file */
function ocspResponse({ folder, caFile, caKeyFile, servers }: Pki): string {
  const { certificateFile } = servers['ecdsa-p256'];
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8', timeout: 10_000 });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const [, serial] = run('x509', '-in', certificateFile, '-noout', '-serial').trim().split('=');
  const index = join(folder, 'ocsp-index');
  const request = join(folder, 'ocsp-request.der');
  const response = join(folder, 'ocsp-response.der');
  writeFileSync(index, ['V', '21191231235959Z', '', serial, 'unknown', '/CN=localhost'].join('\t') + '\n');
  run('ocsp', '-issuer', caFile, '-cert', certificateFile, '-reqout', request);
  const signer = ['-CA', caFile, '-rsigner', caFile, '-rkey', caKeyFile, '-index', index, '-ndays', '1'];
  run('ocsp', ...signer, '-reqin', request, '-respout', response);
  return response;
}

const cases: readonly Omit<TlsCase, 'peers'>[] = [
  {
    name: 'OCSP staple',
    async run(meeting) {
      const file = ocspResponse(meeting.pki);
      const response = new Uint8Array(readFileSync(file));
      if (meeting.role === 'client') {
        const spec = { peer: { args: ['-status_file', file] }, ours: { requestOcspStaple: true } };
        const { end } = await meeting.meet(spec);
        assert.deepEqual(new Uint8Array(end.connection.handshake.peerOcspResponse ?? []), response);
      } else {
        const { peer } = await meeting.meet({ ocspResponse: response }, { args: ['-status'] });
        await peer.read('OCSP Response Status: successful (0x0)');
        await peer.read('Cert Status: good');
      }
    },
  },
  {
    name: 'OCSP staple, asked for and not there',
    async run(meeting) {
      if (meeting.role === 'client') {
        const { end } = await meeting.meet({ ours: { requestOcspStaple: true } });
        assert.equal(end.connection.handshake.peerOcspResponse, undefined);
      } else {
        const { peer } = await meeting.meet({}, { args: ['-status'] });
        await peer.read('OCSP response: no response sent');
      }
    },
  },
  {
    name: "records of 512 bytes at most: the peer's messages come in many pieces",
    async run(meeting) {
      const args = ['-max_send_frag', '512'];
      await meeting.meet({ serverIdentity: meeting.pki.large, peer: { args } });
    },
  },
  {
    name: 'padded records',
    async run(meeting) {
      await meeting.meet({ peer: { args: ['-record_padding', '1024'] } });
    },
  },
  {
    name: 'our server chooses a certificate whose key the client can verify',
    roles: ['server'],
    async run(meeting) {
      const { servers } = meeting.pki;
      const chooser = new CredentialStore(
        [servers['ecdsa-p256'], servers['rsa-2048']].map((identity) => credentialFrom(identity, meeting.provider)),
      );
      const { peer } = await meeting.meet({ chooser }, { args: ['-sigalgs', 'RSA-PSS+SHA384'] });
      await peer.read('Peer signing digest: SHA384');
      await peer.read('Peer signature type: RSA-PSS');
    },
  },
  {
    name: 'HelloRetryRequest with a cookie: -stateless',
    roles: ['client'],
    async run(meeting) {
      await meeting.meet({ peer: { args: ['-stateless'] } });
    },
  },
  {
    name: 'KeyUpdate is refused',
    async run(meeting) {
      const pair = await meeting.meet();
      pair.peer.write('K\n');
      const { ours, theirs } = await failure(pair);
      assert.equal(ours, 'sent unexpected_message');
      assert.equal(alertNumber(theirs), Alert.UNEXPECTED_MESSAGE, theirs);
    },
  },
];

export const OPENSSL_ONLY: readonly TlsCase[] = cases.map((test) => ({ ...test, peers: [OPENSSL] }));
