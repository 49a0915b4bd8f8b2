import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { AbortError, ExternalError } from '../../base/errors.js';
import { programEnvironment } from './host-program.js';
import { type Layout, makeFolder } from './layout.js';
import { sendSignal } from './process-identity.js';

export interface LockOptions {
  /** How long to wait for another holder. */
  waitMs: number;
  /** What is locked, for messages: `the address pool`. */
  what: string;
  signal?: AbortSignal;
  /** Called once when somebody else holds it, with who that is. */
  onWait?: (holder: string) => void;
}

/** Takes the lock, leaves a note of who has it, says so, and keeps it until its input ends. */
const holdUntilInputEnds = 'echo "$1" >&9; echo held; exec cat >/dev/null';

const taken = 75;

/**
 * Runs `work` while holding a lock on a file, among all processes of the computer and within this one.
 *
 * The lock is the kernel's own (flock(2), by way of util-linux' flock(1), as Node has none): a small child holds it for as long as
 * its input is open. When belt ends, however it ends, the kernel frees the lock at once; there is no stale lock to guess about.
 * @throws ExternalError that names the holder when the wait is over; AbortError on `signal`.
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await makeFolder(dirname(file));
  const release = await acquire(file, options);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** The lock for what all machines of the computer share: addresses, the network, which image stands under whom. Held for moments. */
export async function withComputerLock<T>(
  layout: Layout,
  { signal }: { signal?: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const options = { waitMs: 60_000, what: 'the lock of this computer', ...(signal ? { signal } : {}) };
  return withLock(join(layout.run, 'computer.lock'), options, work);
}

async function acquire(
  file: string,
  { waitMs, what, signal, onWait }: LockOptions,
): Promise<() => Promise<void>> {
  if (signal?.aborted) throw new AbortError();
  const waitSeconds = String(Math.max(1, Math.ceil(waitMs / 1000)));
  const script = `exec 9<>"$2"; flock --exclusive --wait ${waitSeconds} --conflict-exit-code ${taken} 9 || exit $?; : >"$2"; ${holdUntilInputEnds}`;
  const child = execa('sh', ['-c', script, 'belt-lock', `process ${process.pid}`, file], {
    env: programEnvironment,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: { stdout: false, stderr: true },
    detached: true,
    cleanup: true,
    reject: false,
  });
  const notice = setTimeout(() => void holderOf(file).then((holder) => onWait?.(holder)), 300);
  const abort = () => endGroup(child.pid);
  signal?.addEventListener('abort', abort, { once: true });
  const held = await Promise.race([
    new Promise<boolean>((resolve) => child.stdout.once('data', () => resolve(true))),
    child.then(() => false),
  ]);
  clearTimeout(notice);
  signal?.removeEventListener('abort', abort);
  if (held) {
    return async () => {
      child.stdin.end();
      await child;
    };
  }
  if (signal?.aborted) throw new AbortError();
  const { exitCode, stderr } = await child;
  if (exitCode !== taken)
    throw new ExternalError(`cannot lock ${file}: ${stderr || 'flock is not installed'}`);
  throw new ExternalError(`${await holderOf(file)} still holds ${what} after ${waitSeconds} s (${file})`, {
    hint: 'wait for it to end, or end it, and try again',
  });
}

/** The shell and the flock that it waits for: both are in the child's own process group. */
function endGroup(pid: number | undefined): void {
  if (pid !== undefined) sendSignal(-pid, 'SIGKILL');
}

async function holderOf(file: string): Promise<string> {
  const note = await readFile(file, 'utf8').catch(() => '');
  return note.trim() || 'another process';
}
