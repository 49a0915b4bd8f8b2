import type { Clock } from './clock.js';
import { DigitalOceanError } from './digitalocean-error.js';
import { maxWaitMs } from './rate-limit.js';

const maxAttempts = 6;

/**
 * Retries after temporary failures, with exponential backoff and jitter.
 * @param once retry only what was certainly not carried out
 * @throws DigitalOceanError of the last attempt; AbortError
 */
export async function withRetry<T>(
  attempt: () => Promise<T>,
  { clock, signal, once = false }: { clock: Clock; signal?: AbortSignal | undefined; once?: boolean },
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (failures === maxAttempts || !isTemporary(error, once)) throw error;
      await clock.sleep(delayMs(failures, error.waitMs, clock), signal);
    }
  }
}

function isTemporary(error: unknown, once: boolean): error is DigitalOceanError {
  if (!(error instanceof DigitalOceanError) || !error.repeatable) return false;
  if (once && error.unclear) return false;
  return (error.waitMs ?? 0) <= maxWaitMs;
}

/** 1, 2, 4, ... 30 seconds, randomly shortened by up to a half; or slightly more than requested. */
export function delayMs(failures: number, requestedMs: number | undefined, clock: Clock): number {
  const random = clock.random();
  if (requestedMs !== undefined) return requestedMs + random * 1000;
  return Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.5 + random / 2);
}
