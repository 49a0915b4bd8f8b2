import { ExternalError, explainSystemError, isAbort, UsageError, UserError } from '../base/errors.js';

/** `belt docker`, `ssh` and `exec` return the remote command's code instead. */
export const exitCodes = {
  ok: 0,
  /** The work failed, at least in part, or a prompt was declined. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** `cluster plan` found differences, as in diff(1). */
  different: 2,
  /** EX_SOFTWARE of sysexits.h. */
  bug: 70,
  /** 128 + SIGINT; 129 and 143 after SIGHUP and SIGTERM. */
  interrupted: 130,
  /** 128 + SIGPIPE: the reader of the output has gone, as in `belt ls | head -1`. */
  closedPipe: 141,
} as const;

let interruptedCode: number = exitCodes.interrupted;

/** @param signal number; the last one decides */
export function setInterruptedBy(signal: number): void {
  interruptedCode = 128 + signal;
}

export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (isAbort(error)) return interruptedCode;
  if (error instanceof UserError || explainSystemError(error) instanceof ExternalError)
    return exitCodes.failed;
  return exitCodes.bug;
}
