import { withoutName } from '../base/errors.js';
import { createPaint } from './colors.js';
import { oneLine, safeText } from './safe-text.js';
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
  const shown = names.map(oneLine);
  const width = Math.max(0, ...shown.map(widthOf)) + 1;
  return new Map(
    names.map((name, index) => {
      const paint = colors[index % colors.length] ?? cyan;
      return [name, `${paint(padEnd(`${shown[index]}:`, width))} `];
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
      ({ name, reason }) =>
        `  ${red('✗')} ${oneLine(name)}: ${safeText(withoutName(name, reason)).replaceAll('\n', '\n    ')}`,
    ),
    ...(skipped.length > 0 ? [`  ${yellow('-')} skipped: ${oneLine(skipped.join(', '))}`] : []),
  ].join('\n');
}
