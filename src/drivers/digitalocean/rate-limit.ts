import type { Clock } from './clock.js';
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
