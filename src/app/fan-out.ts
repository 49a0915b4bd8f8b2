import { AbortError, isAbort, messageOf } from '../base/errors.js';

/** `interrupted`: the work began, but did not end. `skipped`: it never began. */
export type Outcome<T> =
  | { name: string; status: 'ok'; value: T }
  | { name: string; status: 'failed'; error: Error }
  | { name: string; status: 'interrupted' | 'skipped' };

export interface Named {
  name: string;
}

export interface FanOutOptions {
  /** Default: 64. */
  limit?: number;
  signal: AbortSignal;
  onEnd?: (name: string, outcome: Outcome<unknown>) => void;
}

/** Keeps a hundred machines busy without flooding a modest link or a shared gateway. */
const defaultFanOut = 64;

/** Continues after failures. @returns an outcome per subject, in the same order */
export async function fanOut<Subject extends Named, T>(
  subjects: readonly Subject[],
  work: (subject: Subject) => Promise<T>,
  { limit = defaultFanOut, signal, onEnd }: FanOutOptions,
): Promise<Outcome<T>[]> {
  const outcomes: Outcome<T>[] = subjects.map(({ name }) => ({ name, status: 'skipped' }));
  const queue = subjects.entries();
  const worker = async (): Promise<void> => {
    while (!signal.aborted) {
      const { value: entry, done } = queue.next();
      if (done) return;
      const [index, subject] = entry;
      const outcome = await attempt(subject, work);
      outcomes[index] = outcome;
      onEnd?.(subject.name, outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, subjects.length) }, worker));
  return outcomes;
}

async function attempt<Subject extends Named, T>(
  subject: Subject,
  work: (subject: Subject) => Promise<T>,
): Promise<Outcome<T>> {
  const { name } = subject;
  try {
    return { name, status: 'ok', value: await work(subject) };
  } catch (error) {
    if (isAbort(error)) return { name, status: 'interrupted' };
    return failure(name, error);
  }
}

interface Answers<Subject, T> {
  answers: { subject: Subject; value: T }[];
  failed: { subject: Subject; error: Error }[];
}

/** @throws AbortError */
export async function queryAll<Subject extends Named, T>(
  subjects: readonly Subject[],
  query: (subject: Subject) => Promise<T>,
  signal: AbortSignal,
): Promise<Answers<Subject, T>> {
  const outcomes = await fanOut(subjects, query, { signal });
  signal.throwIfAborted();
  const result: Answers<Subject, T> = { answers: [], failed: [] };
  for (const [index, subject] of subjects.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status === 'ok') result.answers.push({ subject, value: outcome.value });
    else if (outcome?.status === 'failed') result.failed.push({ subject, error: outcome.error });
    else result.failed.push({ subject, error: new AbortError() });
  }
  return result;
}

function failure(name: string, error: unknown): Outcome<never> {
  return { name, status: 'failed', error: error instanceof Error ? error : new Error(messageOf(error)) };
}

/** For work on many names in one call: an error becomes the outcome of each. @throws AbortError */
export async function outcomesOfBatch<T>(
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

/** `Promise.all` that waits for all promises before it rejects. */
export async function allFinished<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

/** Outcomes in the order of the names; a name without an outcome was skipped. */
export function sortOutcomes<T>(names: readonly string[], outcomes: readonly Outcome<T>[]): Outcome<T>[] {
  const byName = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  return names.map((name) => byName.get(name) ?? { name, status: 'skipped' });
}
