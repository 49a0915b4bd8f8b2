import { type ErrorCode, errorCodeOf, explainSystemError, messageOf } from '../base/errors.js';
import { withSelectedCluster } from '../base/selected-cluster.js';
import { hasColors } from '../state/environment.js';
import { createPaint } from '../ui/colors.js';
import { formatError } from '../ui/format-error.js';
import { safeMessage } from '../ui/safe-text.js';
import { documentFormatter } from './output.js';

interface ErrorOutput {
  debug: boolean;
  /** Default: text on stderr. */
  format?: 'json' | 'yaml' | undefined;
}

/** Prints on stderr, or a document on stdout. */
export async function printError(thrown: unknown, { debug, format }: ErrorOutput): Promise<void> {
  const error = explainSystemError(thrown);
  if (format === undefined) {
    process.stderr.write(`${formatError(error, { debug, color: hasColors(process.stderr) })}\n`);
    return;
  }
  const render = await documentFormatter(format);
  process.stdout.write(`${render(describeError(error))}\n`);
}

/** For commands without a reporter. */
export function printWarning(message: string): void {
  const paint = createPaint(hasColors(process.stderr));
  process.stderr.write(`${paint.yellow('warning:')} ${safeMessage(withSelectedCluster(message))}\n`);
}

/** Replaces the result of a failed command; see docs/output.md. */
interface ErrorDocument {
  error: { code: ErrorCode; message: string; hint?: string };
}

export function describeError(error: unknown): ErrorDocument {
  const { hint } = error instanceof Error ? (error as { hint?: string }) : {};
  return {
    error: { code: errorCodeOf(error), message: messageOf(error), ...(hint !== undefined && { hint }) },
  };
}
