import { setTimeout as wait } from 'node:timers/promises';
import { AbortError } from '../../base/errors.js';

/** Tests have a clock that does not wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 to 1, for jitter. */
  random(): number;
}

export const realClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) =>
    wait(ms, undefined, signal && { signal }).catch(() => {
      throw new AbortError();
    }),
  random: Math.random,
};

interface RateLimitOptions {
  burst: number;
  perMs: number;
  /** Longer waits are an error. */
  maxWaitMs: number;
  exceededError(until: number): Error;
}

/** A token bucket that an API's responses can close. */
export class RateLimit {
  private tokens: number;
  private filledAt: number;
  private closedUntil = 0;

  constructor(
    private readonly clock: Clock,
    private readonly options: RateLimitOptions,
  ) {
    this.tokens = options.burst;
    this.filledAt = clock.now();
  }

  /** Waits until the next request may be sent. @throws when that takes too long; AbortError */
  async take(signal?: AbortSignal): Promise<void> {
    const { burst, perMs, maxWaitMs, exceededError } = this.options;
    const now = this.clock.now();
    const closedMs = this.closedUntil - now;
    if (closedMs > maxWaitMs) throw exceededError(this.closedUntil);
    this.tokens = Math.min(burst, this.tokens + (now - this.filledAt) * perMs) - 1;
    this.filledAt = now;
    const waitMs = Math.max(closedMs, -this.tokens / perMs, 0);
    if (waitMs > 0) await this.clock.sleep(waitMs, signal);
  }

  closeUntil(time: number): void {
    this.closedUntil = time;
  }
}

interface BackoffOptions {
  clock: Clock;
  signal?: AbortSignal | undefined;
  maxAttempts: number;
  /** Undefined: the error is permanent. `waitMs`: the wait that the API requests. */
  retryAfter(error: unknown): { waitMs: number | undefined } | undefined;
}

/** Exponential backoff with jitter. @throws the error of the last attempt; AbortError */
export async function withBackoff<T>(
  attempt: () => Promise<T>,
  { clock, signal, maxAttempts, retryAfter }: BackoffOptions,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      const retry = failures < maxAttempts ? retryAfter(error) : undefined;
      if (!retry) throw error;
      await clock.sleep(delayMs(failures, retry.waitMs, clock), signal);
    }
  }
}

/** 1, 2, 4, ... 30 s, randomly shortened by up to a half; or slightly more than requested. */
export function delayMs(failures: number, requestedMs: number | undefined, clock: Clock): number {
  const random = clock.random();
  if (requestedMs !== undefined) return requestedMs + random * 1000;
  return Math.min(30_000, 1000 * 2 ** (failures - 1)) * (0.5 + random / 2);
}
