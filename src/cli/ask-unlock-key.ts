import { askOrReadSecret } from '../ui/prompt.js';

/** Typed unseen or piped in, never on the command line. */
export function askUnlockKey(signal: AbortSignal): Promise<string> {
  return askOrReadSecret('Enter unlock key (it is not shown):', {
    input: process.stdin,
    output: process.stderr,
    signal,
  });
}
