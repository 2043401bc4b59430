/** Rows for people. */
import type { Row } from './benchmark.ts';

/** Lays out the rows under a head line, columns aligned, numbers to the right. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [
    ['', 'unit', 'ours', 'peer', '', 'ours / peer'],
    ...rows.map(({ name, unit, ours, peerName, peer, ratio }) => [
      name,
      unit,
      formatNumber(ours),
      formatNumber(peer),
      peerName,
      ratio === null ? '-' : ratio.toFixed(2),
    ]),
  ];
  const isNumeric = [false, false, true, true, false, true];
  const widths = isNumeric.map((_, column) => Math.max(...cells.map((row) => (row[column] as string).length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumeric[column] === true ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `12,345`, `123.4`, `1.234`; `-` for what was not measured. */
export function formatNumber(value: number | null): string {
  if (value === null) return '-';
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
