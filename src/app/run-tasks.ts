import { AbortError, explanationOf } from '../base/errors.js';

import type { Machine } from '../machines/model/machine.js';
import type { Context } from './context.js';
import { fanOut, type Named, type Outcome } from './fan-out.js';
import type { Step } from './reporter.js';

export interface Task<Subject extends Named = Machine> {
  subject: Subject;
  step: Step;
  context: Context;
}

export interface TaskSpec<Value, Subject extends Named = Machine> {
  /** Reported to other belts while this one holds the claim, as in "node1 is being provisioned". */
  activity: string;
  /** The final text of the subject's progress line. */
  doneText: (value: Value) => string;
  run: (task: Task<Subject>) => Promise<Value>;
  /** Default: as in `fanOut`. */
  limit?: number;
  /** Skips the remaining tasks after a failure. */
  stopAtFailure?: boolean;
}

/** Claims the subjects first, so that no other belt changes them. */
export async function runTasks<Value, Subject extends Named = Machine>(
  subjects: readonly Subject[],
  { activity, doneText, run, limit, stopAtFailure = false }: TaskSpec<Value, Subject>,
  context: Context,
): Promise<Outcome<Value>[]> {
  const { cluster, reporter, signal } = context;
  const names = subjects.map(({ name }) => name);
  await using _claim = await cluster.claim(subjects, activity);
  const progress = reporter.open(names);
  const stopped = new AbortController();
  try {
    const work = async (subject: Subject): Promise<Value> => {
      const { name } = subject;
      const value = await run({
        subject,
        step: (text, fraction) => progress.update(name, text, fraction),
        context,
      });
      progress.done(name, doneText(value));
      return value;
    };
    return await fanOut(subjects, work, {
      signal: AbortSignal.any([signal, stopped.signal]),
      ...(limit !== undefined && { limit }),
      onEnd: (name, outcome) => {
        if (outcome.status !== 'failed') return;
        progress.failed(name, explanationOf(outcome.error));
        if (stopAtFailure) stopped.abort();
      },
    });
  } finally {
    await progress.close();
  }
}

/** @throws what the task throws; AbortError */
export async function runTask<Value, Subject extends Named = Machine>(
  subject: Subject,
  spec: TaskSpec<Value, Subject>,
  context: Context,
): Promise<Value> {
  const [outcome] = await runTasks([subject], spec, context);
  if (outcome?.status === 'ok') return outcome.value;
  if (outcome?.status === 'failed') throw outcome.error;
  throw new AbortError();
}

/** For tasks that cannot start. */
export async function failTasks(
  errors: ReadonlyMap<string, Error>,
  { reporter }: Context,
): Promise<Outcome<never>[]> {
  if (errors.size === 0) return [];
  const progress = reporter.open([...errors.keys()]);
  for (const [name, error] of errors) progress.failed(name, explanationOf(error));
  await progress.close();
  return [...errors].map(([name, error]) => ({ name, status: 'failed', error }));
}
