import { AbortError, explanationOf } from '../base/errors.js';
import type { Machine } from '../machines/model/machine.js';
import type { Context } from './context.js';
import { fanOut, type Outcome } from './fan-out.js';

export interface Work<T, S = Machine> {
  /** As in "node1 is being provisioned by another belt". */
  what: string;
  /** On the subject's line when it is done. */
  doneText: (value: T) => string;
  run: (subject: S, step: (text: string) => void) => Promise<T>;
  /** How many run at the same time; default: as in `fanOut`. */
  limit?: number;
  /** What comes after a failure is skipped: for work where each step stands on the one before. */
  stopAtFailure?: boolean;
}

/**
 * Does the same work on machines, or nodes, at the same time or in their order, with a line of progress each; no other belt touches them
 * meanwhile.
 */
export async function onEach<T, S extends { name: string } = Machine>(
  subjects: readonly S[],
  { what, doneText, run, limit, stopAtFailure = false }: Work<T, S>,
  { cluster, reporter, signal }: Context,
): Promise<Outcome<T>[]> {
  const names = subjects.map(({ name }) => name);
  const claim = await cluster.claim(names, what);
  const progress = reporter.open(names);
  const broken = new AbortController();
  try {
    const work = async (subject: S): Promise<T> => {
      const { name } = subject;
      const value = await run(subject, (text) => progress.update(name, text));
      progress.done(name, doneText(value));
      return value;
    };
    return await fanOut(subjects, work, {
      signal: AbortSignal.any([signal, broken.signal]),
      ...(limit !== undefined && { limit }),
      onEnd: (name, outcome) => {
        if (outcome.status !== 'failed') return;
        progress.failed(name, explanationOf(outcome.error));
        if (stopAtFailure) broken.abort();
      },
    });
  } finally {
    await progress.close();
    await claim.release();
  }
}

/** As `onEach`, on one. @returns its value. @throws as the work; AbortError */
export async function onOne<T, S extends { name: string } = Machine>(
  subject: S,
  work: Work<T, S>,
  context: Context,
): Promise<T> {
  const [outcome] = await onEach([subject], work, context);
  if (outcome?.status === 'ok') return outcome.value;
  if (outcome?.status === 'failed') throw outcome.error;
  throw new AbortError();
}

/** Shows why work on some is not even begun, a line each. */
export async function failEach(
  errors: ReadonlyMap<string, Error>,
  { reporter }: Context,
): Promise<Outcome<never>[]> {
  if (errors.size === 0) return [];
  const progress = reporter.open([...errors.keys()]);
  for (const [name, error] of errors) progress.failed(name, explanationOf(error));
  await progress.close();
  return [...errors].map(([name, error]) => ({ name, status: 'failed', error }));
}
