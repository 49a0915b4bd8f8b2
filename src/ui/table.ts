import { padEnd, truncate, widthOf } from './text-width.js';

const gap = '   ';

/**
 * A table as docker and docker-machine print it: upper-case headers, columns three blanks apart, no
 * lines, no blanks at line ends. With `width` (cells) the last column is cut to fit it.
 * @returns lines without a newline after the last
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  { width }: { width?: number } = {},
): string {
  return alignColumns([columns.map((name) => name.toUpperCase()), ...rows], width);
}

/**
 * Rows of any lengths, their columns three blanks apart.
 * @returns lines without a newline after the last
 */
export function alignColumns(rows: readonly (readonly string[])[], width?: number): string {
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

/** docker-machine writes states with a capital letter. */
export function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
