import { ExternalError, isAbort, UsageError, UserError } from '../base/errors.js';

/** The one table of belt's own exit codes. `belt docker`, `ssh` and `exec` hand back the remote command's code instead. */
export const exitCodes = {
  ok: 0,
  /** The work, or a part of it, failed; a question was answered no. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** `cluster plan` found something to do; as diff(1) and others that compare tell it from a failure. */
  different: 2,
  /** A bug in belt (EX_SOFTWARE of sysexits.h). */
  bug: 70,
  /** Ctrl-C, as shells count: 128 + SIGINT. */
  interrupted: 130,
} as const;

export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (isAbort(error)) return exitCodes.interrupted;
  if (error instanceof UserError || error instanceof ExternalError) return exitCodes.failed;
  return exitCodes.bug;
}
