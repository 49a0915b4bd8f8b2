import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { type Outcome, queryAll } from '../app/fan-out.js';
import { runTasks } from '../app/run-tasks.js';
import { ExternalError, messageOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { quoteArgs } from '../base/quote-args.js';
import { surveyMachine } from '../engine/gather-facts.js';
import { runScript } from '../engine/run-script.js';
import { hasNoSsh, type Machine } from './model/machine.js';

/** Left on a machine by a killed script, or a swarm state that `recover` or `restore` kept. */
export interface LeftoverFile {
  machine: Machine;
  path: string;
}

/** @param running machines; one that cannot be queried is a warning. @throws AbortError */
export async function findLeftoverFiles(
  running: readonly Machine[],
  context: Context,
): Promise<LeftoverFile[]> {
  const { answers, failed } = await queryAll(
    running.filter((machine) => !hasNoSsh(machine)),
    (machine) => listFiles(machine, context),
    context.signal,
  );
  for (const { subject, error } of failed)
    context.reporter.warn(`leftover files of ${subject.name} cannot be listed: ${messageOf(error)}`);
  return answers.flatMap(({ subject: machine, value }) => value.map((path) => ({ machine, path })));
}

export async function deleteLeftoverFiles(
  files: readonly LeftoverFile[],
  context: Context,
): Promise<Outcome<Machine>[]> {
  const paths = groupBy(files, ({ machine }) => machine.name);
  const machines = [...paths.values()].flatMap(([file]) => file?.machine ?? []);
  return runTasks(
    machines,
    {
      activity: 'cleaned',
      doneText: () => 'leftover files deleted',
      async run({ subject: machine, step }) {
        step('deleting leftover files');
        const deleted = (paths.get(machine.name) ?? []).map(({ path }) => path);
        const left = await listFiles(machine, context, deleted);
        const kept = deleted.filter((path) => left.includes(path));
        if (kept.length > 0) throw new ExternalError(`cannot delete ${kept.join(', ')}`);
        return machine;
      },
    },
    context,
  );
}

async function listFiles(
  machine: Machine,
  context: Context,
  deleted: readonly string[] = [],
): Promise<readonly string[]> {
  const connection = await reach(machine, context);
  const survey = await surveyMachine(connection, context);
  const values = { deleted: quoteArgs(deleted) };
  const script = { template: 'engine/leftovers.sh', values, step: () => {}, timeoutMs: 60_000 };
  const { outputs } = await runScript(connection, script, survey, context);
  return outputs.get('path') ?? [];
}
