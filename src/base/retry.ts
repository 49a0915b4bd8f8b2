import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 100;

/** Tries again for so many milliseconds what fails for a reason that passes. @throws as the last try */
export async function patiently<T>(
  work: () => Promise<T>,
  isPassing: (error: unknown) => boolean,
  patienceMs: number,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || Date.now() > deadline) throw error;
      await sleep(pauseMs);
    }
  }
}
