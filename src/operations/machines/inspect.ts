import type { Context } from '../context.js';
import { selectMachines } from './select.js';

/** The machines' records in docker-machine's form, as they are on disk. */
export async function inspectMachines(
  nodes: readonly string[],
  context: Context,
  { all }: { all: boolean },
): Promise<unknown[]> {
  const machines = await selectMachines(nodes, context, { all });
  return Promise.all(machines.map(({ name }) => context.cluster.document(name)));
}
