import { codeOf } from './errno.js';
import { withSelectedCluster } from './selected-cluster.js';

// Messages start in lower case, contain the offending value and have no final period.

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
    super(withSelectedCluster(message), { cause });
    this.hint = hint === undefined ? undefined : withSelectedCluster(hint);
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

export class AbortError extends ExpectedError {
  override name = 'AbortError';

  constructor(message = 'interrupted', details: ErrorDetails = {}) {
    super(message, { errorCode: 'aborted', ...details });
  }
}

/** The code of anything that was thrown; `bug` for an unexpected error. */
export function errorCodeOf(error: unknown): ErrorCode {
  if (error instanceof ExpectedError) return error.errorCode;
  return isAbort(error) ? 'aborted' : 'bug';
}

/** The message and the hint on one line. */
export function explanationOf(error: unknown): string {
  const message = messageOf(error);
  if (!(error instanceof Error && 'hint' in error && typeof error.hint === 'string')) return message;
  return `${message} (${error.hint.startsWith('did you mean') ? '' : 'try: '}${error.hint})`;
}

/** For lines that begin with the machine's name, as some messages do. */
export function withoutName(name: string, message: string): string {
  return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
}

const fileHint = 'check this file or folder and its permissions, then run the same command again';
const fileCodes = 'EACCES EBUSY EDQUOT EIO EISDIR ELOOP ENAMETOOLONG ENOTDIR EPERM EROFS ESTALE'.split(' ');

/** Limits and files of this computer, which are not bugs in belt. @see errno(3) */
const systemHints: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit, then run the same command again: ulimit -n 4096',
  ENFILE: 'the whole computer has too many files open: see "sysctl fs.file-nr"',
  ENOMEM: 'free some memory (see "free -h"), then run the same command again',
  ENOSPC: 'free some space (see "df -h"), then run the same command again',
  ...Object.fromEntries(fileCodes.map((code) => [code, fileHint])),
};

/** Any other error is returned as it is. */
export function explainSystemError(error: unknown): unknown {
  if (error instanceof ExpectedError) return error;
  const hint = systemHints[codeOf(error) ?? ''];
  if (hint === undefined) return error;
  const reason = messageOf(error).replace(/^E[A-Z]+: /, '');
  return new ExternalError(reason, { hint, cause: error });
}

/** Also true for the AbortError of Node's timers and streams. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** For a `catch` that ignores all failures but an interruption. */
export function rethrowAbort(error: unknown): undefined {
  if (isAbort(error)) throw error;
  return undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
