import { explanationOf } from '../../errors.js';
import type { Machine } from '../../machines/machine.js';
import type { Context } from '../context.js';
import { fanOut, type Outcome } from '../fan-out.js';

export interface Work<T> {
  /** As in "node1 is being provisioned by another belt". */
  what: string;
  /** On the machine's line when it is done. */
  doneText: (value: T) => string;
  run: (machine: Machine, step: (text: string) => void) => Promise<T>;
}

/** Does the same work on machines, all at the same time, with a line of progress each; no other belt touches them meanwhile. */
export async function onEach<T>(
  machines: readonly Machine[],
  { what, doneText, run }: Work<T>,
  { cluster, reporter, signal }: Context,
): Promise<Outcome<T>[]> {
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  const names = [...byName.keys()];
  const claim = await cluster.claim(names, what);
  const progress = reporter.open(names);
  try {
    const work = async (name: string): Promise<T> => {
      const value = await run(byName.get(name) as Machine, (text) => progress.update(name, text));
      progress.done(name, doneText(value));
      return value;
    };
    return await fanOut(names, work, {
      signal,
      onEnd: (name, outcome) => {
        if (outcome.status === 'failed') progress.failed(name, explanationOf(outcome.error));
      },
    });
  } finally {
    await progress.close();
    await claim.release();
  }
}
