import { setTimeout as wait } from 'node:timers/promises';
import { type ApiResponse, DigitalOceanError, numberIn } from './digitalocean-error.js';

/** A burst of 50 and 200 per minute stay below DigitalOcean's limit of 250 per minute. */
const burst = 50;
const perMs = 200 / 60_000;

/** Longer waits are an error. */
export const maxWaitMs = 120_000;

/**
 * Keeps the process below DigitalOcean's limits: a token bucket for the limit per minute, which the
 * API does not report, and the `ratelimit-*` headers for the hourly one, which others with the same
 * token share.
 */
export class RateLimit {
  private tokens = burst;
  private filledAt: number;
  private closedUntil = 0;

  constructor(private readonly clock: Clock) {
    this.filledAt = clock.now();
  }

  /** Resolves when the next request may be sent. @throws DigitalOceanError when that takes too long; AbortError */
  async take(signal?: AbortSignal): Promise<void> {
    const now = this.clock.now();
    const closedMs = this.closedUntil - now;
    if (closedMs > maxWaitMs) throw exhausted(this.closedUntil);
    this.tokens = Math.min(burst, this.tokens + (now - this.filledAt) * perMs) - 1;
    this.filledAt = now;
    const waitMs = Math.max(closedMs, -this.tokens / perMs, 0);
    if (waitMs > 0) await this.clock.sleep(waitMs, signal);
  }

  /** Updates the limits from a response's headers. */
  update(headers: ApiResponse['headers']): void {
    const reset = numberIn(headers, 'ratelimit-reset');
    if (reset !== undefined && numberIn(headers, 'ratelimit-remaining') === 0)
      this.closedUntil = reset * 1000;
  }
}

function exhausted(until: number): DigitalOceanError {
  const at = `${new Date(until).toISOString().slice(11, 16)} UTC`;
  return new DigitalOceanError(`DigitalOcean API rate limit exceeded until ${at}`, {
    status: 429,
    hint: 'rerun the command after that; it resumes where it stopped',
  });
}

/** Time as the driver needs it; tests have one that does not wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** @throws AbortError */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** 0 to 1, to spread what would come at the same moment. */
  random(): number;
}

export const realClock: Clock = {
  now: Date.now,
  sleep: async (ms, signal) => wait(ms, undefined, signal && { signal }),
  random: Math.random,
};

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
