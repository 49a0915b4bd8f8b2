import type { Pty, StreamOptions } from '../ssh/connection-types.js';
import { forwardSignals } from './interrupt-signals.js';

/**
 * On a terminal, the remote side gets a pseudo-terminal that follows the window size and carries
 * Ctrl-C; otherwise signals are forwarded.
 * @param term as in $TERM
 */
export function localStreams(term: string): StreamOptions {
  const { stdin, stdout, stderr } = process;
  const onTerminal = stdin.isTTY && stdout.isTTY && stderr.isTTY;
  return { stdin, stdout, stderr, ...(onTerminal ? { pty: localPty(term) } : { onSignal: forwardSignals }) };
}

function localPty(term: string): Pty {
  const { stdout } = process;
  return {
    term,
    // Read when the session begins: the window may change while belt connects.
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    onResize(listener) {
      const resized = (): void => listener(stdout.columns, stdout.rows);
      stdout.on('resize', resized);
      return () => stdout.off('resize', resized);
    },
  };
}

/** Sends every key to the remote side during `work`, as ssh does. */
export async function withRawTerminal<T>(streams: StreamOptions, work: () => Promise<T>): Promise<T> {
  if (!streams.pty) return work();
  process.stdin.setRawMode(true);
  try {
    return await work();
  } finally {
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}
