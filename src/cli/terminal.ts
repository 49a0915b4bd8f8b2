import { Disconnected, type Pty, type StreamOptions } from '../ssh/connection-types.js';
import { EscapeKeys } from './escape-keys.js';
import { forwardSignals } from './interrupt-signals.js';

/** For the answer to a keepalive request. */
const responseTimeoutMs = 2500;

/**
 * On a terminal, the remote side gets a pseudo-terminal that follows the window size and carries
 * Ctrl-C; otherwise signals are forwarded.
 * @param term as in $TERM
 */
export function localStreams(term: string): StreamOptions {
  const { stdin, stdout, stderr } = process;
  const onTerminal = stdin.isTTY && stdout.isTTY && stderr.isTTY;
  const streams = { stdout, stderr, onSignal: forwardSignals };
  if (!onTerminal) return { stdin, ...streams };
  const disconnect = new AbortController();
  let isResponding = async (_timeoutMs: number): Promise<boolean> => true;
  const keys = new EscapeKeys({
    onDisconnect: () => disconnect.abort(new Disconnected('disconnected by ~.')),
    onRepeatedInterrupt: async () => {
      if (await isResponding(responseTimeoutMs)) return;
      disconnect.abort(new Disconnected('disconnected: the server does not respond to Ctrl-C'));
    },
  });
  const onStart: NonNullable<Pty['onStart']> = (session) => {
    isResponding = (timeoutMs) => session.isResponding(timeoutMs);
    // Not earlier: until then, Ctrl-C ends belt.
    stdin.setRawMode(true);
    stdin.pipe(keys);
  };
  return { ...streams, stdin: keys, signal: disconnect.signal, pty: localPty(term, onStart) };
}

function localPty(term: string, onStart: NonNullable<Pty['onStart']>): Pty {
  const { stdout } = process;
  return {
    term,
    onStart,
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

/** Ends the raw mode in which every key goes to the remote side. */
export async function withRawTerminal<T>(streams: StreamOptions, work: () => Promise<T>): Promise<T> {
  if (!streams.pty) return work();
  const { stdin } = process;
  try {
    return await work();
  } finally {
    stdin.unpipe();
    stdin.setRawMode(false);
    stdin.pause();
    stdin.unref();
  }
}
