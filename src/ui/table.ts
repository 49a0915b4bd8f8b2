import { oneLine } from './safe-text.js';
import { padEnd, truncate, widthOf } from './text-width.js';

const gap = '   ';

/**
 * docker's layout: upper-case headers, three blanks between columns, no trailing blanks.
 * @param options.width cuts the last column to fit, in cells
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  { width }: { width?: number } = {},
): string {
  return alignColumns([columns.map((name) => name.toUpperCase()), ...rows], width);
}

export function alignColumns(table: readonly (readonly string[])[], width?: number): string {
  const rows = table.map((row) => row.map(oneLine));
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  return rows.map((row) => formatRow(row, widths, width)).join('\n');
}

function formatRow(row: readonly string[], widths: readonly number[], width: number | undefined): string {
  const last = widths.length - 1;
  const before = widths.slice(0, last).map((cells, column) => padEnd(row[column] ?? '', cells) + gap);
  const start = before.join('');
  const end = row[last] ?? '';
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(1, width - widthOf(start));
  return `${start}${truncate(end, room)}`.trimEnd();
}

/** As docker-machine writes states. */
export function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
