/** What Go alone shows wherever it is: the hybrid by the defaults of both, and through a resumption. */
import * as assert from 'node:assert/strict';
import { NamedGroup } from '@mquictt/tls13';
import { GO, type TlsCase } from './case.ts';
import { comeBack, withTickets } from './resumption.ts';

const { X25519MLKEM768 } = NamedGroup;

export const GO_ONLY: readonly TlsCase[] = [
  {
    name: 'X25519MLKEM768 by the defaults of both',
    peers: [GO],
    async run(meeting) {
      const { report } = await meeting.meet();
      assert.equal(report.group, X25519MLKEM768);
    },
  },
  {
    name: 'resumption with X25519MLKEM768',
    peers: [GO],
    async run(meeting) {
      const { second } = await comeBack(meeting, withTickets(meeting));
      assert.ok(second.complete.isResumed);
      assert.equal(second.report.group, X25519MLKEM768);
    },
  },
];
