import type { Context } from '../app/context.js';
import { mapLimited } from '../base/map-limit.js';
import { selectMachines } from './select-machines.js';

/** The machines' records in docker-machine's form, as they are on disk. */
export async function inspectMachines(
  nodes: readonly string[],
  context: Context,
  { all }: { all: boolean },
): Promise<unknown[]> {
  const machines = await selectMachines(nodes, context, { all });
  return Promise.all(machines.map(({ name }) => context.cluster.document(name)));
}

/** The section HostOptions of the machines' records, by name; none of one that cannot be read. */
export async function recordedOptions(
  names: readonly string[],
  { cluster }: Pick<Context, 'cluster'>,
): Promise<ReadonlyMap<string, unknown>> {
  const documents = await mapLimited(names, 32, (name) => cluster.document(name).catch(() => undefined));
  return new Map(documents.map((document, index) => [names[index] as string, document?.['HostOptions']]));
}
