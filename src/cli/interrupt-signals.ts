import { setMaxListeners } from 'node:events';
import { AbortError } from '../base/errors.js';
import { maxNames } from '../machines/model/patterns.js';

/**
 * All machines of a command share the signal and those derived from it. Each listens while it waits:
 * once with its connection, once with the command on it. Node warns of a leak above ten listeners.
 */
const maxListeners = 2 * maxNames;

/**
 * Ctrl-C and SIGTERM as an AbortSignal. The first stops the operation cleanly (it records what
 * exists and returns), the second ends the process at once.
 */
export function interruptSignal(): AbortSignal {
  setMaxListeners(maxListeners);
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new AbortError());
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}

/** Forwards signals to a remote command, where no pseudo-terminal carries Ctrl-C. */
export function forwardSignals(deliver: (name: string) => void): () => void {
  const names = ['INT', 'TERM', 'HUP', 'QUIT'] as const;
  const handlers = names.map((name) => ({ event: `SIG${name}` as const, handler: () => deliver(name) }));
  for (const { event, handler } of handlers) process.on(event, handler);
  return () => {
    for (const { event, handler } of handlers) process.off(event, handler);
  };
}
