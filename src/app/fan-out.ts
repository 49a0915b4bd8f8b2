import { isAbort, messageOf } from '../base/errors.js';

/** How the work on one machine ended. `skipped`: it was never begun, because the person interrupted. */
export type Outcome<T> =
  | { name: string; status: 'ok'; value: T }
  | { name: string; status: 'failed'; error: Error }
  | { name: string; status: 'skipped' };

export interface FanOutOptions {
  /** How many at the same time. */
  limit?: number;
  signal: AbortSignal;
  /** Called as each ends, in the order in which they end. */
  onEnd?: (name: string, outcome: Outcome<unknown>) => void;
}

/** Enough to keep a hundred machines busy, few enough for a modest link and a shared gateway. */
export const defaultFanOut = 64;

/**
 * Does the same work on many machines, `limit` at a time, and never stops at a failure: each name gets an outcome, in the order
 * of `names`.
 */
export async function fanOut<T>(
  names: readonly string[],
  work: (name: string) => Promise<T>,
  { limit = defaultFanOut, signal, onEnd }: FanOutOptions,
): Promise<Outcome<T>[]> {
  const outcomes: Outcome<T>[] = names.map((name) => ({ name, status: 'skipped' }));
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < names.length && !signal.aborted) {
      const index = next++;
      const name = names[index] as string;
      const outcome = await attempt(name, work);
      outcomes[index] = outcome;
      onEnd?.(name, outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, names.length) }, worker));
  return outcomes;
}

async function attempt<T>(name: string, work: (name: string) => Promise<T>): Promise<Outcome<T>> {
  try {
    return { name, status: 'ok', value: await work(name) };
  } catch (error) {
    if (isAbort(error)) return { name, status: 'skipped' };
    return failure(name, error);
  }
}

function failure(name: string, error: unknown): Outcome<never> {
  return { name, status: 'failed', error: error instanceof Error ? error : new Error(messageOf(error)) };
}

/** Work that is done on several names in one call: what it throws is the end of each of them. @throws AbortError */
export async function outcomesOf<T>(
  names: readonly string[],
  work: () => Promise<Outcome<T>[]>,
  signal: AbortSignal,
): Promise<Outcome<T>[]> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    return names.map((name) => failure(name, error));
  }
}

/** As `Promise.all`, but nothing goes on behind the caller's back: one that fails does not end the wait for the others. */
export async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

/** One outcome a name, in the order of the names; those that have none were never begun. */
export function inOrderOf<T>(names: readonly string[], outcomes: readonly Outcome<T>[]): Outcome<T>[] {
  const byName = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  return names.map((name) => byName.get(name) ?? { name, status: 'skipped' });
}
