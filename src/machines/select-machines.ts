import type { Context } from '../app/context.js';
import { errorCodeOf, UserError } from '../base/errors.js';
import { mapLimited } from '../base/map-limit.js';
import type { Machine } from './model/machine.js';
import { selectNames } from './model/select-names.js';

export const noMachines = {
  text: 'This cluster has no machines',
  next: ['create one', 'belt create node1'],
} as const;

/** @throws UserError naming every unknown machine, or one whose record is damaged */
export async function selectMachines(
  nodes: readonly string[],
  { cluster, reporter }: Context,
  { all = false } = {},
): Promise<Machine[]> {
  const { machines, damaged } = await cluster.machines();
  const errors = new Map(damaged.map(({ name, error }) => [name, error]));
  if (all) for (const error of errors.values()) reporter.warn(error.message);
  if (all && machines.length + damaged.length === 0) reporter.note(noMachines.text);
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  const known = all ? [...byName.keys()] : [...byName.keys(), ...errors.keys()];
  return selectNames(nodes, known, { all }).map((name) => {
    const machine = byName.get(name);
    if (!machine) throw errors.get(name);
    return machine;
  });
}

/** @param hint for several machines. @throws UserError unless exactly one machine matches */
export async function selectMachine(
  node: string | readonly string[],
  context: Context,
  hint?: string,
): Promise<Machine> {
  const nodes = [node].flat();
  const [machine, ...more] = await selectMachines(nodes, context);
  if (machine && more.length === 0) return machine;
  throw new UserError(
    `"${nodes.join(' ')}" matches ${more.length + 1} machines, but this command takes one`,
    {
      ...(hint !== undefined && { hint }),
    },
  );
}

/** The records as they are on disk, in docker-machine's format. */
export async function inspectMachines(
  nodes: readonly string[],
  context: Context,
  { all }: { all: boolean },
): Promise<unknown[]> {
  const machines = await selectMachines(nodes, context, { all });
  const documents = await mapLimited(machines, 32, ({ name }) =>
    context.cluster.document(name).catch((error: unknown) => {
      // Removed since the list was read.
      if (all && errorCodeOf(error) === 'machine-not-found') return undefined;
      throw error;
    }),
  );
  return documents.filter((document) => document !== undefined);
}

/** HostOptions of the records, by name; undefined where a record cannot be read. */
export async function recordedOptions(
  names: readonly string[],
  { cluster }: Pick<Context, 'cluster'>,
): Promise<ReadonlyMap<string, unknown>> {
  const documents = await mapLimited(names, 32, (name) => cluster.document(name).catch(() => undefined));
  return new Map(documents.map((document, index) => [names[index] as string, document?.['HostOptions']]));
}
