import { ExternalError } from './errors.js';

/**
 * Aborts the work's signal after the timeout, without waiting for the work to stop.
 * @throws `timeoutError` (default: "no response within N s"); what the work throws; AbortError
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
