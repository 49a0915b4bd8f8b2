import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './errno.js';
import { AbortError, ExternalError, UserError } from './errors.js';
import { type StateFiles, withExplainedErrors } from './files.js';
import { isProcessAlive, ownProcess, type RecordedProcess } from './process-stat.js';

export interface LockOptions {
  /** What is locked, for messages: `the image debian-13`. */
  what: string;
  waitMs: number;
  signal?: AbortSignal;
  /** Called once, with the process that holds the lock: `process 4711`. */
  onWait?: (holder: string) => void;
}

/** The lock of a holder that has not renewed it for this long is stale. */
const staleMs = 10_000;
/** The same for a holder that has ended; proper-lockfile accepts no less. */
const endedStaleMs = 2_000;
const pauseMs = 50;
const noticeMs = 300;

/**
 * Never hold it while waiting for a machine or a person.
 * @throws UserError if the lock stays held for 15 s, or the folder is not writable
 */
export function withFolderLock<T>(folder: string, files: StateFiles, work: () => Promise<T>): Promise<T> {
  const path = join(folder, '.lock');
  return runQueued(path, async () => {
    await files.makeFolder(folder);
    return runLocked(path, { what: folder, waitMs: 15_000 }, work);
  });
}

/**
 * Excludes other processes and other work of this one. A killed process frees it after 2 s.
 * @param path created while the lock is held; its folder must exist
 * @throws UserError if it stays held for `waitMs`; AbortError
 */
export function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  return runQueued(path, () => runLocked(path, options, work));
}

const queueEnds = new Map<string, Promise<void>>();

/** First come, first served: with retries alone, some work of this process would starve. */
async function runQueued<T>(path: string, work: () => Promise<T>): Promise<T> {
  const result = (queueEnds.get(path) ?? Promise.resolve()).then(work);
  const ended = result.then(
    () => {},
    () => {},
  );
  queueEnds.set(path, ended);
  try {
    return await result;
  } finally {
    if (queueEnds.get(path) === ended) queueEnds.delete(path);
  }
}

async function runLocked<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const release = await acquire(path, options);
  try {
    return await work();
  } finally {
    await release();
  }
}

type Release = () => Promise<void>;

/** proper-lockfile's own retries would also wait for a folder to become writable. */
async function acquire(path: string, { what, waitMs, signal, onWait }: LockOptions): Promise<Release> {
  const start = performance.now();
  const clock = new FutureTime(path);
  let notify = onWait;
  let stale = staleMs;
  for (;;) {
    if (signal?.aborted) throw new AbortError();
    const release = await tryAcquire(path, what, stale);
    if (release) return release;
    const holder = await readHolder(path);
    const waitedMs = performance.now() - start;
    if (waitedMs > waitMs) throw heldError(path, what, waitMs, holder);
    if (notify && waitedMs > noticeMs) {
      notify(nameOf(holder));
      notify = undefined;
    }
    stale = holder && !(await isAlive(holder)) ? endedStaleMs : staleMs;
    await clock.expireAfter(stale === endedStaleMs ? 0 : staleMs);
    await sleep(pauseMs, undefined, signal && { signal }).catch(() => {});
  }
}

/**
 * A lock from before the clock was set back would not become stale for as long as that. A holder
 * that runs renews it every second, with the current time.
 */
class FutureTime {
  private mtimeMs = 0;
  private since = 0;

  constructor(private readonly path: string) {}

  async expireAfter(unchangedMs: number): Promise<void> {
    const found = await stat(this.path).catch(() => undefined);
    if (!found || found.mtimeMs < Date.now() + endedStaleMs) return;
    if (found.mtimeMs !== this.mtimeMs) {
      this.mtimeMs = found.mtimeMs;
      this.since = performance.now();
    }
    if (performance.now() - this.since >= unchangedMs) await utimes(this.path, 0, 0).catch(() => {});
  }
}

async function tryAcquire(path: string, what: string, stale: number): Promise<Release | undefined> {
  const { default: lockfile } = await import('proper-lockfile');
  let lossError: Error | undefined;
  const onCompromised = (error: Error): void => {
    lossError = error;
  };
  const options = { lockfilePath: path, realpath: false, stale, update: endedStaleMs / 2, onCompromised };
  try {
    const release = await withExplainedErrors('lock', what, () => lockfile.lock(path, options));
    await writeHolder(path);
    return async () => {
      if (lossError)
        throw new ExternalError(`lost the lock ${path}`, {
          hint: 'run the same command again',
          cause: lossError,
        });
      await rm(holderFile(path), { force: true });
      await release();
    };
  } catch (error) {
    if (error instanceof ExternalError && hasCode(error.cause, 'ELOCKED')) return undefined;
    throw error;
  }
}

interface Holder extends RecordedProcess {
  hostname: string;
}

/** Next to the lock, as proper-lockfile only removes an empty folder. */
function holderFile(path: string): string {
  return `${path}.holder`;
}

/** Only informs those who wait; the lock holds without it. */
async function writeHolder(path: string): Promise<void> {
  const holder: Holder = { ...(await ownProcess()), hostname: hostname() };
  const file = holderFile(path);
  await rm(file, { force: true })
    .then(() => writeFile(file, JSON.stringify(holder)))
    .catch(() => {});
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(holderFile(path), 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** A process on another computer (the folder may be shared) counts as alive. */
async function isAlive(holder: Holder): Promise<boolean> {
  return holder.hostname !== hostname() || isProcessAlive(holder);
}

function nameOf(holder: Holder | undefined): string {
  if (!holder) return 'another process';
  return holder.hostname === hostname()
    ? `process ${holder.pid}`
    : `process ${holder.pid} on ${holder.hostname}`;
}

function heldError(path: string, what: string, waitMs: number, holder: Holder | undefined): UserError {
  return new UserError(`${nameOf(holder)} has held the lock of ${what} for ${Math.round(waitMs / 1000)} s`, {
    hint: `wait until it is done; if no belt is running: rmdir ${path}`,
  });
}
