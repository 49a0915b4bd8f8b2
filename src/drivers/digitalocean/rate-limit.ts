import type { Clock } from './clock.js';
import { type Answer, DigitalOceanError, numberIn } from './digitalocean-error.js';

/** 50 at once and 200 a minute: never more than the 250 a minute that a token may have, whatever was before. */
const burst = 50;
const perMs = 200 / 60_000;

/** Longer than this nobody wants to wait without being told. */
export const longestWaitMs = 120_000;

/**
 * Keeps one process below DigitalOcean's limits before they are hit: a token bucket for the limit a minute, which the API does not
 * report, and the `ratelimit-*` headers for that of the hour, which others with the same token use up too.
 */
export class RateLimit {
  private tokens = burst;
  private filledAt: number;
  private closedUntil = 0;

  constructor(private readonly clock: Clock) {
    this.filledAt = clock.now();
  }

  /** Resolves when the next request may go. @throws DigitalOceanError when that is too far off; AbortError */
  async take(signal?: AbortSignal): Promise<void> {
    const now = this.clock.now();
    const closedMs = this.closedUntil - now;
    if (closedMs > longestWaitMs) throw usedUp(this.closedUntil);
    this.tokens = Math.min(burst, this.tokens + (now - this.filledAt) * perMs) - 1;
    this.filledAt = now;
    const waitMs = Math.max(closedMs, -this.tokens / perMs, 0);
    if (waitMs > 0) await this.clock.sleep(waitMs, signal);
  }

  /** Learns from an answer. */
  note(headers: Answer['headers']): void {
    const reset = numberIn(headers, 'ratelimit-reset');
    if (reset !== undefined && numberIn(headers, 'ratelimit-remaining') === 0)
      this.closedUntil = reset * 1000;
  }
}

function usedUp(until: number): DigitalOceanError {
  const at = `${new Date(until).toISOString().slice(11, 16)} UTC`;
  return new DigitalOceanError(`DigitalOcean's limit of requests an hour is used up until ${at}`, {
    status: 429,
    hint: 'run the same command again then: it goes on where it was',
  });
}
