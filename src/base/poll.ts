import { setTimeout as sleep } from 'node:timers/promises';

export interface Wait {
  timeoutMs: number;
  signal: AbortSignal;
}

const intervalMs = 250;

/**
 * Looks again and again until nothing stands in the way any more.
 * @param look what stands in the way now
 * @param late the error when time is up, which names the last obstacle
 */
export async function waitUntilClear(
  look: () => Promise<string | undefined>,
  { timeoutMs, signal }: Wait,
  late: (obstacle: string) => Error,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const obstacle = await look();
    if (obstacle === undefined) return;
    if (Date.now() > deadline) throw late(obstacle);
    await sleep(intervalMs, undefined, { signal });
  }
}
