/**
 * The kinds of failure that belt knows. Anything else that is thrown is a bug in belt and shown as
 * one.
 *
 * Messages start in lower case, have no final period, and contain the offending value. The hint is
 * what to do next, wherever possible a command: the terminal shows it behind `Try:`.
 */

/** Stable codes for scripts; docs/output.md explains each. */
export type ErrorCode =
  | 'usage'
  | 'user'
  | 'external'
  | 'aborted'
  | 'bug'
  | 'machine-not-found'
  | 'cluster-not-found'
  | 'driver-not-found'
  | 'ssh-unreachable'
  | 'ssh-login'
  | 'ssh-host-key'
  | 'engine'
  | 'quorum';

export interface ErrorDetails {
  hint?: string;
  cause?: unknown;
  /** Default: the code of the class. */
  errorCode?: ErrorCode;
}

class ExpectedError extends Error {
  readonly hint: string | undefined;
  readonly errorCode: ErrorCode;

  constructor(message: string, { hint, cause, errorCode = 'user' }: ErrorDetails) {
    super(message, { cause });
    this.hint = hint;
    this.errorCode = errorCode;
  }
}

/** The user can fix it: a wrong name, a missing setting. */
export class UserError extends ExpectedError {
  override name = 'UserError';

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details);
  }
}

/** The command line is wrong: exit code 2 instead of 1. */
export class UsageError extends UserError {
  override name = 'UsageError';

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { errorCode: 'usage', ...details });
  }
}

/** Something outside belt failed: a program, a machine, a provider. */
export class ExternalError extends ExpectedError {
  override name = 'ExternalError';

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { errorCode: 'external', ...details });
  }
}

/** The user interrupted the command or declined a prompt. */
export class AbortError extends ExpectedError {
  override name = 'AbortError';

  constructor(message = 'interrupted', details: ErrorDetails = {}) {
    super(message, { errorCode: 'aborted', ...details });
  }
}

/** The code of anything that was thrown; of what belt does not expect: `bug`. */
export function errorCodeOf(error: unknown): ErrorCode {
  if (error instanceof ExpectedError) return error.errorCode;
  return isAbort(error) ? 'aborted' : 'bug';
}

/** Message and hint in one line. */
export function explanationOf(error: unknown): string {
  const hint =
    error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? `; ${error.hint}` : '';
  return `${messageOf(error)}${hint}`;
}

/** Whether it is belt's AbortError, or the one that Node's timers and streams throw. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** For a `catch` where any failure but an interruption means: no answer. */
export function unlessAborted(error: unknown): undefined {
  if (isAbort(error)) throw error;
  return undefined;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
