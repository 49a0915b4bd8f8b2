import { setMaxListeners } from 'node:events';
import { constants } from 'node:os';
import { AbortError } from '../base/errors.js';
import { maxNames } from '../machines/model/patterns.js';
import { exitCodeFor, setInterruptedBy } from './exit-codes.js';

/** Each machine listens twice: for its connection and its command. Node warns above ten. */
const maxListeners = 2 * maxNames;

/** How long a remote command may outlive the terminal. */
const hangupMs = 2000;

/**
 * The first Ctrl-C, SIGTERM or SIGHUP stops the operation cleanly, the second ends the process at
 * once. The exit code is 128 + the signal's number.
 */
export function interruptSignal(): AbortSignal {
  setMaxListeners(maxListeners);
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      setInterruptedBy(constants.signals[name]);
      if (name === 'SIGHUP') process.once('exit', endByHangup);
      if (controller.signal.aborted) process.exit(exitCodeFor(controller.signal.reason));
      controller.abort(new AbortError());
    });
  return controller.signal;
}

/** In place of an exit: Node 20 crashes (SIGSEGV) when it exits without its terminal. Code 129. */
function endByHangup(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}

/** Forwards signals to a remote command; a pseudo-terminal carries Ctrl-C itself. */
export function forwardSignals(send: (name: string) => void): () => void {
  const names = ['INT', 'TERM', 'HUP', 'QUIT'] as const;
  const forward = (name: (typeof names)[number]): void => {
    send(name);
    if (name === 'HUP') setTimeout(() => process.exit(128 + constants.signals.SIGHUP), hangupMs).unref();
  };
  const handlers = names.map((name) => ({ event: `SIG${name}` as const, handler: () => forward(name) }));
  for (const { event, handler } of handlers) process.on(event, handler);
  return () => {
    for (const { event, handler } of handlers) process.off(event, handler);
  };
}
