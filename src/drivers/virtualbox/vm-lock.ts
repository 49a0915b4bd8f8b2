import lockfile from 'proper-lockfile';
import { ExternalError } from '../../base/errors.js';
import { patiently } from '../../base/retry.js';

/** A lock is taken over when its holder has not renewed it for so long. */
const staleMs = 10_000;

/**
 * Runs `work` while no other belt on this computer does so for the same path, which need not be there; its folder must.
 * @param waitMs how long to wait for another
 * @throws ExternalError when another still has it then, or the folder cannot be written to
 */
export async function alone<T>(path: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const release = await patiently(() => lock(path), isHeld, waitMs).catch((error: unknown) => {
    if (isHeld(error)) {
      throw new ExternalError(`another belt has kept ${path} locked for ${Math.round(waitMs / 1000)} s`, {
        hint: `wait until it is done; if none is running: rmdir ${path}.lock`,
      });
    }
    throw new ExternalError(`cannot lock ${path}: ${(error as Error).message}`, { cause: error });
  });
  try {
    return await work();
  } finally {
    await release().catch(() => {});
  }
}

/** The retries are ours: those of proper-lockfile would wait for a folder to become writable, too. */
function lock(path: string): Promise<() => Promise<void>> {
  return lockfile.lock(path, {
    realpath: false,
    stale: staleMs,
    // Only when the computer slept for longer than the time: what is done then is harmless at worst.
    onCompromised: () => {},
  });
}

function isHeld(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ELOCKED';
}
