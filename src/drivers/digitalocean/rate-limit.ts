import { type Clock, RateLimit, withBackoff } from '../kit/rate-limit.js';
import { type ApiResponse, DigitalOceanError, numberIn } from './digitalocean-error.js';

const maxWaitMs = 120_000;
const maxAttempts = 6;

/** A burst of 50 and 200 per minute stay below the unreported limit of 250 per minute. */
export function openRateLimit(clock: Clock): RateLimit {
  return new RateLimit(clock, { burst: 50, perMs: 200 / 60_000, maxWaitMs, exceededError });
}

/** Follows the `ratelimit-*` headers of the hourly limit, which others with the same token share. */
export function updateRateLimit(limit: RateLimit, headers: ApiResponse['headers']): void {
  const reset = numberIn(headers, 'ratelimit-reset');
  if (reset !== undefined && numberIn(headers, 'ratelimit-remaining') === 0) limit.closeUntil(reset * 1000);
}

/** @param once retry only what was not carried out. @throws DigitalOceanError; AbortError */
export function withRetry<T>(
  attempt: () => Promise<T>,
  { clock, signal, once = false }: { clock: Clock; signal?: AbortSignal | undefined; once?: boolean },
): Promise<T> {
  return withBackoff(attempt, {
    clock,
    signal,
    maxAttempts,
    retryAfter(error) {
      if (!(error instanceof DigitalOceanError) || !error.repeatable) return undefined;
      const isTooLong = (error.waitMs ?? 0) > maxWaitMs;
      return isTooLong || (once && error.unclear) ? undefined : { waitMs: error.waitMs };
    },
  });
}

function exceededError(until: number): DigitalOceanError {
  const at = `${new Date(until).toISOString().slice(11, 16)} UTC`;
  return new DigitalOceanError(`DigitalOcean API rate limit exceeded until ${at}`, {
    status: 429,
    hint: 'rerun the command after that; it resumes where it stopped',
  });
}
