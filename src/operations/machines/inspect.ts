import type { Context } from '../context.js';
import { selectMachines } from './select.js';

/** The machines' records in docker-machine's form, as they are on disk. */
export async function inspectMachines(nodes: readonly string[], context: Context): Promise<unknown[]> {
  const machines = await selectMachines(nodes, context);
  return Promise.all(machines.map(({ name }) => context.cluster.document(name)));
}
