import { setTimeout as sleep } from 'node:timers/promises';
import { ExternalError, messageOf } from './errors.js';

export class Pending {
  /** @param reason what is missing: an error, or the text of one */
  constructor(readonly reason: unknown) {}
}

interface PollOptions<T> {
  timeoutMs: number;
  /** Default: 250. */
  intervalMs?: number;
  signal?: AbortSignal;
  /** Called once, after the first check. */
  onFirstWait?: () => void;
  /** Throws, or returns a last value. Default: throws the last reason. */
  onTimeout?: (reason: string) => T | Promise<T>;
}

/** Checks once more after the deadline. @throws the last reason; what the check throws; AbortError */
export async function poll<T>(
  check: () => Promise<T | Pending>,
  { timeoutMs, intervalMs = 250, signal, onFirstWait, onTimeout }: PollOptions<T>,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let isFirst = true; ; isFirst = false) {
    signal?.throwIfAborted();
    const isLast = Date.now() >= deadline;
    const result = await check();
    if (!(result instanceof Pending)) return result;
    if (isLast && onTimeout) return onTimeout(messageOf(result.reason));
    if (isLast) throw errorOf(result);
    if (isFirst) onFirstWait?.();
    await sleep(intervalMs, undefined, { signal });
  }
}

function errorOf({ reason }: Pending): Error {
  return reason instanceof Error ? reason : new ExternalError(messageOf(reason));
}

/** Repeats a read until its value is final. @returns the last value on a timeout */
export async function pollUntil<T>(
  read: () => Promise<T>,
  isFinal: (value: T) => boolean | Promise<boolean>,
  options: Omit<PollOptions<never>, 'onTimeout'>,
): Promise<T> {
  let value: T;
  const check = async (): Promise<T | Pending> => {
    value = await read();
    return (await isFinal(value)) ? value : new Pending('not final');
  };
  return poll(check, { ...options, onTimeout: () => value });
}

interface RetryOptions extends Omit<PollOptions<never>, 'onTimeout'> {
  isRetryable: (error: unknown) => boolean | Promise<boolean>;
}

/** Repeats work that fails temporarily. @throws the error of the last attempt; AbortError */
export async function retry<T>(
  work: () => Promise<T>,
  { isRetryable, ...options }: RetryOptions,
): Promise<T> {
  const attempt = async (): Promise<T | Pending> => {
    try {
      return await work();
    } catch (error) {
      if (!(await isRetryable(error))) throw error;
      return new Pending(error);
    }
  };
  return poll(attempt, options);
}

/** Waits until `findObstacle` finds nothing. @param timeoutError names the last obstacle */
export async function waitUntilClear(
  findObstacle: () => Promise<string | undefined>,
  options: Omit<PollOptions<never>, 'onTimeout'>,
  timeoutError: (obstacle: string) => Error,
): Promise<void> {
  const check = async (): Promise<undefined | Pending> => {
    const obstacle = await findObstacle();
    return obstacle === undefined ? undefined : new Pending(obstacle);
  };
  await poll(check, {
    ...options,
    onTimeout: (obstacle) => {
      throw timeoutError(obstacle);
    },
  });
}
