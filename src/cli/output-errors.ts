import { hasCode } from '../base/errno.js';
import { exitCodes } from './exit-codes.js';

/** Ends belt when its output cannot be written. Replaces oclif's handler, which ignores closed pipes. */
export function exitOnOutputErrors(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    stream.removeAllListeners('error').on('error', (error) => {
      // Streams of a remote command have a handler of their own, which stops the command first.
      if (stream.listenerCount('error') > 1) return;
      if (hasCode(error, 'EPIPE')) process.exit(exitCodes.closedPipe);
      const [, reason = error.message] = /^E[A-Z]+: (.+), write$/.exec(error.message) ?? [];
      process.stderr.write(`error: cannot write to ${name}: ${reason}\n`);
      process.exit(exitCodes.failed);
    });
  }
}
