import { AbortError, isAbort, messageOf } from '../base/errors.js';

/** How the work on one subject ended. `skipped`: it never began, because the user interrupted. */
export type Outcome<T> =
  | { name: string; status: 'ok'; value: T }
  | { name: string; status: 'failed'; error: Error }
  | { name: string; status: 'skipped' };

/** A machine, a node, a task. */
export interface Named {
  name: string;
}

export interface FanOutOptions {
  /** How many run at the same time; default: 64. */
  limit?: number;
  signal: AbortSignal;
  /** Called as each subject ends, in the order in which they end. */
  onEnd?: (name: string, outcome: Outcome<unknown>) => void;
}

/** Enough to keep a hundred machines busy, few enough for a modest link and a shared gateway. */
export const defaultFanOut = 64;

/**
 * Runs the same work on many subjects, `limit` at a time. A failure stops no other: each subject
 * gets an outcome, in the order of `subjects`.
 */
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
    if (isAbort(error)) return { name, status: 'skipped' };
    return failure(name, error);
  }
}

/** Who answered a query, with the answer, and who did not. */
export interface Answers<Subject, T> {
  answers: { subject: Subject; value: T }[];
  failed: { subject: Subject; error: Error }[];
}

/** Sends the same query to many subjects. @throws AbortError */
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
    if (outcome?.status === 'failed') result.failed.push({ subject, error: outcome.error });
    if (outcome?.status === 'skipped') result.failed.push({ subject, error: new AbortError() });
  }
  return result;
}

function failure(name: string, error: unknown): Outcome<never> {
  return { name, status: 'failed', error: error instanceof Error ? error : new Error(messageOf(error)) };
}

/** Work that is done on several names in one call: what it throws is the end of each of them. @throws AbortError */
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

/** As `Promise.all`, but nothing goes on behind the caller's back: one that fails does not end the wait for the others. */
export async function allFinished<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

/** One outcome a name, in the order of the names; those that have none were never begun. */
export function sortOutcomes<T>(names: readonly string[], outcomes: readonly Outcome<T>[]): Outcome<T>[] {
  const byName = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  return names.map((name) => byName.get(name) ?? { name, status: 'skipped' });
}
