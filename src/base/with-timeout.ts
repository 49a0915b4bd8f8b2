import { ExternalError } from './errors.js';

/**
 * Waits for work no longer than so many milliseconds. Its signal is aborted then; what it does after that is not waited for.
 * @throws ExternalError when the time is up; what the work throws
 */
export async function inTime<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout(timeoutMs);
  const late = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(lateError(timeoutMs)));
  });
  return Promise.race([work(AbortSignal.any([signal, limit])), late]);
}

export function lateError(timeoutMs: number): ExternalError {
  return new ExternalError(`no response within ${timeoutMs / 1000} s`);
}
