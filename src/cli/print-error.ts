import { messageOf } from '../base/errors.js';
import { createPaint } from '../ui/colors.js';
import { formatError } from '../ui/format-error.js';

/** On stderr, for people. */
export function printError(error: unknown, { debug }: { debug: boolean }): void {
  process.stderr.write(`${formatError(error, { debug, color: process.stderr.isTTY })}\n`);
}

/** On stderr, for people, where there is no reporter. */
export function printWarning(message: string): void {
  const paint = createPaint(process.stderr.isTTY);
  process.stderr.write(`${paint.yellow('warning:')} ${message}\n`);
}

/** What `--json` prints instead of a result. */
export function describeError(error: Error & { hint?: string }): {
  error: { message: string; hint?: string };
} {
  return { error: { message: messageOf(error), ...(error.hint !== undefined && { hint: error.hint }) } };
}
