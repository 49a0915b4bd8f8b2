import type { Context } from '../app/context.js';
import { whileClaimed } from '../app/with-claim.js';
import { messageOf, UserError } from '../base/errors.js';
import type { DamagedMachine } from '../state/cluster-store.js';
import { forgetMachine } from './lifecycle.js';
import type { Machine } from './model/machine.js';
import { selectNames } from './model/patterns.js';

/** The machines that NODES names, and apart from them those of which no record can be read. */
export interface Selection {
  machines: Machine[];
  damaged: DamagedMachine[];
}

/**
 * As `selectMachines`, for who can do without records. A folder without any record is found by its own name alone.
 * @throws UserError naming every machine that does not exist
 */
export async function selectWithDamaged(
  nodes: readonly string[],
  { cluster }: Pick<Context, 'cluster'>,
  { all = false } = {},
): Promise<Selection> {
  const { machines, damaged } = await cluster.machines();
  const empty = (await cluster.foldersWithoutRecord(nodes)).map((name) => ({
    name,
    error: new UserError(`there is no config.json in ${cluster.machineFolder(name)}`),
  }));
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  const unreadable = new Map([...damaged, ...empty].map((entry) => [entry.name, entry]));
  const names = selectNames(nodes, [...byName.keys(), ...unreadable.keys()], { all });
  return {
    machines: names.flatMap((name) => byName.get(name) ?? []),
    damaged: names.flatMap((name) => unreadable.get(name) ?? []),
  };
}

/** What `belt rm` says of a machine that it cannot destroy for want of a record. */
export function damagedError({ name, error }: DamagedMachine): UserError {
  const hint = `repair it, bring it back from a backup, or have the machine forgotten: belt rm --force ${name}`;
  return new UserError(error.message, { hint, cause: error });
}

/**
 * Deletes what is left of machines whose records cannot be read, each with a warning: no driver can be asked for the machine.
 * @returns their names. @throws UserError when another belt works on one of them
 */
export async function forgetDamaged(
  unreadable: readonly DamagedMachine[],
  context: Context,
): Promise<string[]> {
  const names = unreadable.map(({ name }) => name);
  if (names.length === 0) return names;
  await whileClaimed(names, 'removed', context, async () => {
    for (const { name, error } of unreadable) {
      context.reporter.warn(
        `${name} is no longer recorded, but may still exist at its provider: ${messageOf(error)}`,
      );
      await forgetMachine(name, context);
    }
  });
  return names;
}
