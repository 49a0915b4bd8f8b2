import { oneLine } from './safe-text.js';
import { truncate, widthOf } from './text-width.js';

const gap = '   ';

interface TableStyle {
  /** In cells. Cuts the last column to fit. */
  width?: number | undefined;
  /** Columns to leave out, in this order, until the table fits into `width`. */
  optional?: readonly string[];
  /** Colors a cell below a header. */
  paint?: (cell: string, column: string) => string;
}

/** docker's layout: upper-case headers, three blanks between columns, no trailing blanks. */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  { width, optional = [], paint }: TableStyle = {},
): string {
  const [first, ...others] = optional.filter((name) => columns.includes(name));
  const cuts = !optional.includes(columns.at(-1) ?? '');
  const text = layOut([columns.map((name) => name.toUpperCase()), ...rows], {
    width: first === undefined || cuts ? width : undefined,
    minLast: first === undefined ? 1 : 20,
    ...(paint && { paint: (cell, column) => paint(cell, columns[column] ?? '') }),
  });
  const isTooWide = width !== undefined && text.split('\n').some((line) => widthOf(line) > width);
  if (first === undefined || !isTooWide) return text;
  const dropped = columns.indexOf(first);
  const withoutIt = <T>(cells: readonly T[]): T[] => cells.filter((_, index) => index !== dropped);
  const style = { width, optional: others, ...(paint && { paint }) };
  return formatTable(withoutIt(columns), rows.map(withoutIt), style);
}

export function alignColumns(table: readonly (readonly string[])[]): string {
  return layOut(table);
}

interface Layout {
  width?: number | undefined;
  /** What is left of a last column that is cut. */
  minLast?: number;
  paint?: (cell: string, column: number) => string;
}

function layOut(
  table: readonly (readonly string[])[],
  { width = Number.POSITIVE_INFINITY, minLast = 1, paint = (cell) => cell }: Layout = {},
): string {
  const rows = table.map((row) => row.map(oneLine));
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const room = Math.max(
    minLast,
    width - widths.slice(0, -1).reduce((sum, cells) => sum + cells + gap.length, 0),
  );
  return rows
    .map((row, index) =>
      widths
        .map((cells, column) => {
          const isLast = column === count - 1;
          const cell = isLast ? truncate(row[column] ?? '', room) : (row[column] ?? '');
          const padding = isLast ? '' : ' '.repeat(Math.max(0, cells - widthOf(cell))) + gap;
          return (index === 0 ? cell : paint(cell, column)) + padding;
        })
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

/** As docker-machine writes states. */
export function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
