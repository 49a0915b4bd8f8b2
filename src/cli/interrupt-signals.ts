import { setMaxListeners } from 'node:events';
import { AbortError } from '../base/errors.js';
import { maxNames } from '../machines/model/patterns.js';

/** Each machine listens twice: for its connection and its command. Node warns above ten. */
const maxListeners = 2 * maxNames;

/** The first Ctrl-C or SIGTERM stops the operation cleanly, the second ends the process at once. */
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

/** Forwards signals to a remote command that has no pseudo-terminal to carry Ctrl-C. */
export function forwardSignals(send: (name: string) => void): () => void {
  const names = ['INT', 'TERM', 'HUP', 'QUIT'] as const;
  const handlers = names.map((name) => ({ event: `SIG${name}` as const, handler: () => send(name) }));
  for (const { event, handler } of handlers) process.on(event, handler);
  return () => {
    for (const { event, handler } of handlers) process.off(event, handler);
  };
}
