import { type Clock, realClock } from './rate-limit.js';

interface Sighting<T, O> {
  target: T;
  /** Undefined: the provider never listed it, or no longer does. */
  object: O | undefined;
  /** `missing`: not listed for too long; `late`: the timeout is over. */
  outcome: 'pending' | 'reached' | 'missing' | 'late';
}

interface WatchOptions<T, O, K> {
  idOf(target: T): K;
  read(targets: readonly T[]): Promise<ReadonlyMap<K, O>>;
  isReached(object: O | undefined, target: T): boolean;
  timeoutMs: number;
  /** How long the provider may not list an object that exists. */
  missingMs: number;
  /** The pause before each poll; the last one repeats. */
  pausesMs: readonly number[];
  clock?: Clock;
  signal: AbortSignal;
}

/** Polls all targets together until each has reached the goal, is missing or is late. */
export async function* watchObjects<T, O, K>(
  targets: readonly T[],
  { idOf, read, isReached, timeoutMs, missingMs, pausesMs, clock = realClock, signal }: WatchOptions<T, O, K>,
): AsyncGenerator<Sighting<T, O>> {
  const start = clock.now();
  let waiting = targets.map((target) => ({ target, object: undefined as O | undefined, seenAt: start }));
  for (let round = 0; waiting.length > 0; round++) {
    if (round > 0 && clock.now() - start >= timeoutMs) break;
    await clock.sleep(pausesMs[Math.min(round, pausesMs.length - 1)] ?? 0, signal);
    const objects = await read(waiting.map(({ target }) => target));
    const pending: typeof waiting = [];
    for (const { target, object: before, seenAt: lastSeenAt } of waiting) {
      const object = objects.get(idOf(target));
      const seenAt = object === undefined ? lastSeenAt : clock.now();
      const isMissing = clock.now() - seenAt >= missingMs;
      const outcome = isReached(object, target) ? 'reached' : isMissing ? 'missing' : 'pending';
      if (outcome === 'pending') pending.push({ target, object: object ?? before, seenAt });
      yield { target, object, outcome };
    }
    waiting = pending;
  }
  for (const { target, object } of waiting) yield { target, object, outcome: 'late' };
}
