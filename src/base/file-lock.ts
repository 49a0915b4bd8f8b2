import { setTimeout as sleep } from 'node:timers/promises';
import { ExternalError, UserError } from './errors.js';
import { codeOf, explained, type StateFiles } from './files.js';

/** A dead process's lock is taken over after this. */
const staleMs = 5_000;
const patienceMs = 15_000;
const pauseMs = 50;

/**
 * Runs `work` while no other belt does so for the same folder. It is for reading, changing and writing back, and never held
 * while waiting for a machine or a person.
 * @throws UserError when another process holds it for longer than 15 s, or the folder cannot be written to
 */
export function withLock<T>(folder: string, files: StateFiles, work: () => Promise<T>): Promise<T> {
  return inTurn(folder, async () => {
    await files.makeFolder(folder);
    const lock = await acquire(folder);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  });
}

/** The last of this process's own to ask for each folder. */
const last = new Map<string, Promise<void>>();

/**
 * Work of this process gets its turn in the order in which it asked. Of many that ask the file system again and again some have no luck for
 * long, and would take their own process for another belt.
 */
async function inTurn<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const mine = (last.get(folder) ?? Promise.resolve()).then(work);
  const ended = mine.then(
    () => {},
    () => {},
  );
  last.set(folder, ended);
  try {
    return await mine;
  } finally {
    if (last.get(folder) === ended) last.delete(folder);
  }
}

interface Lock {
  release(): Promise<void>;
}

/** The retries are ours: those of proper-lockfile would wait for a folder to become writable, too. */
async function acquire(folder: string): Promise<Lock> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const lock = await tryAcquire(folder);
    if (lock) return lock;
    if (Date.now() > deadline) {
      throw new UserError(`another belt has kept ${folder} locked for ${patienceMs / 1_000} s`, {
        hint: `wait until it is done; if none is running: rmdir ${folder}/.lock`,
      });
    }
    await sleep(pauseMs);
  }
}

async function tryAcquire(folder: string): Promise<Lock | undefined> {
  const { default: lockfile } = await import('proper-lockfile');
  let lost: Error | undefined;
  const onCompromised = (error: Error): void => {
    lost = error;
  };
  try {
    const release = await explained('lock', folder, () =>
      lockfile.lock(folder, { lockfilePath: `${folder}/.lock`, stale: staleMs, onCompromised }),
    );
    return {
      async release() {
        if (!lost) return release();
        throw new ExternalError(`lost the lock of ${folder}`, {
          hint: 'run the same command again',
          cause: lost,
        });
      },
    };
  } catch (error) {
    if (error instanceof ExternalError && codeOf(error.cause) === 'ELOCKED') return undefined;
    throw error;
  }
}
