import { setTimeout as sleep } from 'node:timers/promises';
import { ExternalError, UserError } from '../errors.js';
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
export async function withLock<T>(folder: string, files: StateFiles, work: () => Promise<T>): Promise<T> {
  await files.makeFolder(folder);
  const lock = await acquire(folder);
  try {
    return await work();
  } finally {
    await lock.release();
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
