/**
 * The three kinds of failure that belt knows. Whatever else is thrown is a bug in belt and is shown as one.
 *
 * Messages start in lower case, have no final period, and hold the offending value. `hint` is what to do next, a command to
 * type wherever there is one.
 */

export interface ErrorDetails {
  /** What the person can do about it. */
  hint?: string;
  cause?: unknown;
}

/** The person asked for something that cannot be; they can put it right. */
export class UserError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, { hint, cause }: ErrorDetails = {}) {
    super(message, { cause });
    this.name = 'UserError';
    this.hint = hint;
  }
}

/** The command line itself is wrong: exit code 2 where `UserError` has 1. */
export class UsageError extends UserError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details);
    this.name = 'UsageError';
  }
}

/** Something outside belt failed: a program, a machine, a provider. */
export class ExternalError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, { hint, cause }: ErrorDetails = {}) {
    super(message, { cause });
    this.name = 'ExternalError';
    this.hint = hint;
  }
}

/** The person interrupted the work or answered no. */
export class AbortError extends Error {
  readonly hint: string | undefined;

  constructor(message = 'interrupted', { hint, cause }: ErrorDetails = {}) {
    super(message, { cause });
    this.name = 'AbortError';
    this.hint = hint;
  }
}

/** The message with what to do about it, for a place that has one line. */
export function explanationOf(error: unknown): string {
  const hint =
    error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? `; ${error.hint}` : '';
  return `${messageOf(error)}${hint}`;
}

/** Whether it is an interruption: belt's own, or what Node's timers and streams throw when a signal aborts them. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** For a `catch` where any failure but an interruption means that there is no answer. */
export function unlessAborted(error: unknown): undefined {
  if (isAbort(error)) throw error;
  return undefined;
}

/** The message of whatever was thrown, for a line that names a cause. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
