import { plural } from '../../base/plural.js';
import { createPaint, type Paint } from '../../ui/colors.js';
import { oneLine } from '../../ui/safe-text.js';
import { padEnd, widthOf } from '../../ui/text-width.js';

/** A driver's requirement on this computer. */
export interface CheckRow {
  name: string;
  ok: boolean;
  /** What was found, or what is missing and how to install it. */
  detail: string;
  /** Recommended only. */
  optional?: boolean;
  fixable?: boolean;
}

/** One line per check, then the verdict. */
export function checkList(
  driver: string,
  checks: readonly CheckRow[],
  { color }: { color: boolean },
): string {
  const paint = createPaint(color);
  const width = Math.max(0, ...checks.map(({ name }) => widthOf(oneLine(name))));
  const lines = checks.map((check) =>
    `  ${mark(check, paint)} ${padEnd(oneLine(check.name), width)}  ${oneLine(check.detail)}`.trimEnd(),
  );
  return [paint.bold(driver), ...lines, summary(driver, checks, paint)].join('\n');
}

function mark({ ok, optional }: CheckRow, paint: Paint): string {
  if (ok) return paint.green('✓');
  return optional ? paint.yellow('!') : paint.red('✗');
}

function summary(driver: string, checks: readonly CheckRow[], paint: Paint): string {
  const missing = checks.filter(({ ok }) => !ok);
  const needed = missing.filter(({ optional }) => !optional);
  const repair = missing.some(({ fixable }) => fixable) ? ': run "belt doctor --fix"' : '';
  if (needed.length > 0)
    return paint.red(`${driver}: not ready, ${plural(needed.length, 'requirement')} missing${repair}`);
  if (missing.length > 0)
    return paint.yellow(`${driver}: ready with ${plural(missing.length, 'warning')}${repair}`);
  return paint.green(`${driver}: ready`);
}
