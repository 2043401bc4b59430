/** Suites, groups, HelloRetryRequest, ALPN and names. */
import * as assert from 'node:assert/strict';
import { Alert, CIPHER_SUITES, EncryptionLevel, NamedGroup } from '@mquictt/tls13';
import { alertNumber, type Peer } from '../peer.ts';
import { KEY_TYPES, SERVER_NAME } from '../pki.ts';
import { GO, RUSTLS, failure, lacksGroup, lacksKeyType, type TlsCase } from './case.ts';

const { SECP256R1, SECP384R1, X25519, X25519MLKEM768 } = NamedGroup;
const GROUP_ENTRIES = Object.entries({ x25519: X25519, secp256r1: SECP256R1, secp384r1: SECP384R1, X25519MLKEM768 });

export const SUITES: readonly TlsCase[] = CIPHER_SUITES.map((suite): TlsCase => ({
  name: suite.name,
  async run(meeting) {
    const { end } = await meeting.meet({ peer: { suite: suite.name }, ours: { cipherSuites: [suite] } });
    assert.equal(end.connection.handshake.suite?.name, suite.name);
  },
}));

export const GROUPS: readonly TlsCase[] = GROUP_ENTRIES.map(([name, group]): TlsCase => ({
  name: `group ${name}`,
  impossible: (peer) => lacksGroup(peer, group),
  async run(meeting) {
    const { report } = await meeting.meet({ peer: { groups: [group] }, ours: { groups: [group] } });
    assert.equal(report.group ?? group, group);
  },
}));

export const RETRIES: readonly TlsCase[] = GROUP_ENTRIES.map(([name, group]): TlsCase => ({
  name: `HelloRetryRequest for ${name}`,
  impossible: (peer, role) => lacksGroup(peer, group) ?? (role === 'server' ? alwaysShares(peer, group) : undefined),
  async run(meeting) {
    const other = group === X25519 ? SECP256R1 : X25519;
    const [clients, servers] = [[other, group], [group]];
    const [ours, peers] = meeting.role === 'client' ? [clients, servers] : [servers, clients];
    const { end, report } = await meeting.meet({
      peer: { groups: peers },
      ours: { groups: ours, ...(meeting.role === 'client' ? { keyShareGroups: [other] } : {}) },
    });
    assert.equal(report.group ?? group, group);
    // Two ClientHellos, or HelloRetryRequest and ServerHello.
    const unprotected = end.connection.events.filter(
      (event) => event.type === 'send' && event.level === EncryptionLevel.INITIAL,
    );
    assert.equal(unprotected.length, 2);
  },
}));

function alwaysShares({ name }: Peer, group: NamedGroup): string | undefined {
  const isShared = (name === GO || name === RUSTLS) && (group === X25519 || group === X25519MLKEM768);
  return isShared ? `${name} sends a share of this group whenever it may use it` : undefined;
}

export const SERVER_KEYS: readonly TlsCase[] = KEY_TYPES.map((keyType): TlsCase => ({
  name: `server's key ${keyType}`,
  impossible: (peer) => lacksKeyType(peer, keyType),
  async run(meeting) {
    await meeting.meet({ serverIdentity: meeting.pki.servers[keyType] });
  },
}));

export const ALPNS: readonly TlsCase[] = [
  {
    name: 'ALPN: the server chooses',
    async run(meeting) {
      const spec = { peer: { alpn: ['first', 'second'] }, ours: { alpnProtocols: ['second', 'third'] } };
      const { complete } = await meeting.meet(spec);
      assert.equal(complete.alpnProtocol, 'second');
    },
  },
  {
    name: 'ALPN: none in common',
    async run(meeting) {
      const pair = await meeting.connect({ peer: { alpn: ['first'] }, ours: { alpnProtocols: ['second'] } });
      const { ours, theirs } = await failure(pair);
      if (meeting.role === 'client') assert.equal(ours, 'received no_application_protocol');
      else {
        assert.equal(ours, 'sent no_application_protocol');
        assert.equal(alertNumber(theirs), Alert.NO_APPLICATION_PROTOCOL, theirs);
      }
    },
  },
  {
    name: 'ALPN: neither has any',
    async run(meeting) {
      const { complete } = await meeting.meet({ peer: { alpn: undefined as never }, ours: { alpnProtocols: [] } });
      assert.equal(complete.alpnProtocol, '');
    },
  },
];

export const NEGOTIATION: readonly TlsCase[] = [
  ...SUITES,
  ...GROUPS,
  ...RETRIES,
  ...SERVER_KEYS,
  {
    name: 'no group in common',
    async run(meeting) {
      const pair = await meeting.connect({ peer: { groups: [SECP256R1] }, ours: { groups: [SECP384R1] } });
      const { ours, theirs } = await failure(pair);
      if (meeting.role === 'client') assert.equal(ours, 'received handshake_failure');
      else {
        assert.equal(ours, 'sent handshake_failure');
        assert.equal(alertNumber(theirs), Alert.HANDSHAKE_FAILURE, theirs);
      }
    },
  },
  ...ALPNS,
  {
    name: 'SNI is what the client dialled',
    roles: ['server'],
    async run(meeting) {
      const { complete } = await meeting.meet({}, { serverName: SERVER_NAME });
      assert.equal(complete.serverName, SERVER_NAME);
    },
  },
];
