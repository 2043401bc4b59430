/** What Deno lets be seen of rustls. It cannot be told its suites or groups, so ours are: that there is a connection says that it has them. */
import * as assert from 'node:assert/strict';
import { AUTHENTICATION } from './authentication.ts';
import { RUSTLS, type TlsCase } from './case.ts';
import { ALPNS, GROUPS, RETRIES, SERVER_KEYS, SUITES } from './negotiation.ts';
import { comeBack } from './resumption.ts';

const cases: readonly TlsCase[] = [
  ...SUITES,
  ...GROUPS,
  ...RETRIES.map((test): TlsCase => ({ ...test, roles: ['server'] })),
  ...SERVER_KEYS,
  ...ALPNS,
  ...AUTHENTICATION,
  {
    name: 'resumption',
    // A client that forgets everything with each connection.
    roles: ['client'],
    async run(meeting) {
      const { second } = await comeBack(meeting, {});
      assert.ok(second.complete.isResumed);
    },
  },
];

export const WITH_RUSTLS: readonly TlsCase[] = cases.map((test) => ({ ...test, peers: [RUSTLS] }));
