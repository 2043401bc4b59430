import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatNumber, formatTable } from '../lib/table.ts';

const test = suite('table');

test('numbers have about four digits', () => {
  assert.is(formatNumber(123_456.7), '123,457');
  assert.is(formatNumber(123.45), '123.5');
  assert.is(formatNumber(12.345), '12.35');
  assert.is(formatNumber(1.2346), '1.235');
  assert.is(formatNumber(0), '0.000');
  assert.is(formatNumber(null), '-');
});

test('columns are aligned, and a value that is missing is a dash', () => {
  const table = formatTable([
    { name: 'stream-1200', unit: 'MB/s', ours: 101.5, peerName: 'node:dgram', peer: 203, ratio: 0.5 },
    { name: 'x', unit: '/s', ours: 1234, peerName: 'b', peer: null, ratio: null },
  ]);
  assert.is(
    table,
    [
      '             unit   ours   peer              ours / peer',
      'stream-1200  MB/s  101.5  203.0  node:dgram         0.50',
      'x            /s    1,234      -  b                     -',
    ].join('\n'),
  );
});

test.run();
