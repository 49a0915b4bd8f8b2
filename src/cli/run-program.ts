import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ExternalError, messageOf } from '../base/errors.js';
import type { ProgramCall } from '../machines/copy-files.js';

/**
 * Leaves Ctrl-C to the program, which is in the terminal's foreground process group.
 * @returns its exit code; 128 + the signal number if a signal ended it
 */
export async function runProgram({ program, args }: ProgramCall): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit' });
  const ignore = (): void => {};
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', ignore).on('SIGQUIT', ignore).on('SIGTERM', forward).on('SIGHUP', forward);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new ExternalError(`cannot run ${program}: ${messageOf(cause)}`, { cause })),
      );
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    process.off('SIGINT', ignore).off('SIGQUIT', ignore).off('SIGTERM', forward).off('SIGHUP', forward);
  }
}
