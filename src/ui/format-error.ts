import { ExternalError, isAbort, messageOf, UserError } from '../base/errors.js';
import { createPaint, type Paint } from './colors.js';
import { safeMessage, safeText } from './safe-text.js';

interface ErrorStyle {
  /** Shows causes and stacks. */
  debug: boolean;
  color: boolean;
  /** A URL for bug reports. */
  reportAt?: string;
}

/** One line for expected errors, more for a bug. Ends without a newline. */
export function formatError(error: unknown, { debug, color, reportAt }: ErrorStyle): string {
  const paint = createPaint(color);
  const lines = isExpected(error) ? expected(error, debug, paint) : bug(error, debug, reportAt, paint);
  return lines.join('\n');
}

type ExpectedError = Error & { hint?: string | undefined };

function isExpected(error: unknown): error is ExpectedError {
  return error instanceof UserError || error instanceof ExternalError || isAbort(error);
}

function expected(error: ExpectedError, debug: boolean, paint: Paint): string[] {
  const lines = [`${paint.red('error:')} ${safeMessage(error.message)}`];
  if (error.hint !== undefined) lines.push(paint.dim(safeMessage(hintLine(error.hint))));
  if (debug) lines.push(...causes(error.cause, paint));
  return lines;
}

/** A suggested name is a question, not a command to try. */
function hintLine(hint: string): string {
  return hint.startsWith('did you mean') ? hint.replace('d', 'D') : `Try: ${hint}`;
}

function causes(cause: unknown, paint: Paint): string[] {
  if (cause === undefined) return [];
  const next = cause instanceof Error ? cause.cause : undefined;
  return [paint.dim(`caused by: ${stackOf(cause)}`), ...causes(next, paint)];
}

function bug(error: unknown, debug: boolean, reportAt: string | undefined, paint: Paint): string[] {
  const where = reportAt === undefined ? '' : ` at ${reportAt}`;
  const headline = `${paint.red('this is a bug in belt:')} ${safeMessage(messageOf(error))}`;
  if (!debug)
    return [headline, paint.dim(`run the same command with --debug and report what it prints${where}`)];
  const cause = error instanceof Error ? error.cause : undefined;
  return [
    headline,
    stackOf(error),
    ...causes(cause, paint),
    paint.dim(`please report this${where}, with all lines above`),
  ];
}

function stackOf(error: unknown): string {
  return safeText(error instanceof Error ? (error.stack ?? error.message) : messageOf(error));
}
