import { withoutName } from '../base/errors.js';
import { createPaint } from './colors.js';
import { padEnd, widthOf } from './text-width.js';

interface Failure {
  name: string;
  reason: string;
}

/** Each machine's name in its own color; empty for a single one, whose output stays unchanged. */
export function linePrefixes(names: readonly string[], { color }: { color: boolean }): Map<string, string> {
  if (names.length === 1) return new Map(names.map((name) => [name, '']));
  const { cyan, green, yellow, bold } = createPaint(color);
  const colors = [cyan, green, yellow, bold];
  const width = Math.max(0, ...names.map(widthOf)) + 1;
  return new Map(
    names.map((name, index) => {
      const paint = colors[index % colors.length] ?? cyan;
      return [name, `${paint(padEnd(`${name}:`, width))} `];
    }),
  );
}

/** Empty if nothing failed. */
export function failureSummary(
  total: number,
  failed: readonly Failure[],
  skipped: readonly string[],
  { color }: { color: boolean },
): string {
  if (failed.length + skipped.length === 0) return '';
  const { red, yellow } = createPaint(color);
  const counts = [`${failed.length} of ${total} failed`];
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  return [
    red(counts.join(', ')),
    ...failed.map(
      ({ name, reason }) => `  ${red('✗')} ${name}: ${withoutName(name, reason).replaceAll('\n', '\n    ')}`,
    ),
    ...(skipped.length > 0 ? [`  ${yellow('-')} skipped: ${skipped.join(', ')}`] : []),
  ].join('\n');
}
