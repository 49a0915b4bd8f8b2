import type { Clock } from './clock.js';
import { DigitalOceanError } from './digitalocean-error.js';
import { longestWaitMs } from './rate-limit.js';

const tries = 6;

/**
 * Tries again, ever later and never at the same moment as others, what failed for a reason that passes.
 * @param once for what must not be done twice: only what was surely not carried out is tried again
 * @throws DigitalOceanError of the last try; AbortError
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  { clock, signal, once = false }: { clock: Clock; signal?: AbortSignal | undefined; once?: boolean },
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (failures === tries || !passes(error, once)) throw error;
      await clock.sleep(delayMs(failures, error.waitMs, clock), signal);
    }
  }
}

function passes(error: unknown, once: boolean): error is DigitalOceanError {
  if (!(error instanceof DigitalOceanError) || !error.repeatable) return false;
  if (once && error.unclear) return false;
  return (error.waitMs ?? 0) <= longestWaitMs;
}

/** 1, 2, 4, ... seconds and no more than 30, each shortened by chance to as little as a half; or a little more than was asked for. */
export function delayMs(failures: number, askedMs: number | undefined, clock: Clock): number {
  const random = clock.random();
  if (askedMs !== undefined) return askedMs + random * 1000;
  return Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.5 + random / 2);
}
