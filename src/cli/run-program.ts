import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ExternalError, messageOf } from '../base/errors.js';
import type { ProgramCall } from '../machines/copy-files.js';
import type { StreamOptions } from '../ssh/connection-types.js';
import type { Variables } from '../state/environment.js';

/**
 * In this terminal, where Ctrl-C reaches the program itself, as it is in the foreground process
 * group. Without a terminal, signals are forwarded.
 * @returns its exit code; 128 + the signal number if a signal ended it
 */
export async function runProgram({ program, args }: ProgramCall, env?: Variables): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', ...(env && { env }) });
  const { stdin, stdout, stderr } = process;
  const hasTerminal = stdin.isTTY || stdout.isTTY || stderr.isTTY;
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const fromTerminal = hasTerminal ? (): void => {} : forward;
  using _listeners = replaceListeners({
    SIGINT: fromTerminal,
    SIGQUIT: fromTerminal,
    SIGTERM: forward,
    SIGHUP: forward,
  });
  return await exitCodeOf(child, program);
}

/** Without input, for one of several programs. @returns as `runProgram` @throws AbortError */
export async function runCaptured(
  { program, args }: ProgramCall,
  env: Variables,
  { stdout, stderr, signal }: Pick<StreamOptions, 'stdout' | 'stderr' | 'signal'>,
): Promise<number> {
  signal?.throwIfAborted();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  child.stdout.pipe(stdout, { end: false });
  child.stderr.pipe(stderr, { end: false });
  const stop = (): void => void child.kill('SIGINT');
  signal?.addEventListener('abort', stop, { once: true });
  const code = await exitCodeOf(child, program).finally(() => signal?.removeEventListener('abort', stop));
  signal?.throwIfAborted();
  return code;
}

function exitCodeOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new ExternalError(`cannot run ${program}: ${messageOf(cause)}`, { cause })),
    );
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** The program decides what a signal means: belt must not end before it, at the second Ctrl-C. */
function replaceListeners(listeners: Partial<Record<NodeJS.Signals, NodeJS.SignalsListener>>): Disposable {
  const replaced = Object.entries(listeners).map(([name, listener]) => {
    const own = process.listeners(name as NodeJS.Signals);
    process.on(name, listener);
    for (const replacedListener of own) process.off(name, replacedListener);
    return { name, own, listener };
  });
  return {
    [Symbol.dispose]() {
      for (const { name, own, listener } of replaced) {
        for (const ownListener of own) process.on(name, ownListener);
        process.off(name, listener);
      }
    },
  };
}
