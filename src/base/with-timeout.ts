import { ExternalError } from './errors.js';

/**
 * Runs work for so many milliseconds at most. Its signal aborts then, and what the work still does
 * is not waited for.
 * @param timeoutError default: "no response within N s"
 * @throws the timeout error; what the work throws; AbortError
 */
export async function withTimeout<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  timeoutError: () => Error = () => noResponse(timeoutMs),
): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const timedOut = new Promise<never>((_, reject) => {
    timeout.addEventListener('abort', () => reject(timeoutError()));
  });
  return Promise.race([work(signal ? AbortSignal.any([signal, timeout]) : timeout), timedOut]);
}

function noResponse(timeoutMs: number): ExternalError {
  return new ExternalError(`no response within ${timeoutMs / 1000} s`);
}
