import { setTimeout as wait } from 'node:timers/promises';

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
