import type { Context } from '../app/context.js';
import { whileClaimed } from '../app/with-claim.js';
import { messageOf, UserError } from '../base/errors.js';
import { folderExists } from '../base/files.js';
import { changedRecordError, type DamagedMachine } from '../state/cluster-store.js';
import { forgetMachine } from './lifecycle.js';
import type { Machine } from './model/machine.js';
import { selectNames } from './model/select-names.js';

export interface Selection {
  machines: Machine[];
  damaged: DamagedMachine[];
}

/** Also finds folders without a record, by exact name. @throws UserError naming all unknown ones */
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

/** Why `belt rm` cannot destroy a machine without a readable record. */
export function damagedError({ name, error }: DamagedMachine): UserError {
  const hint = `repair it, restore it from a backup, or forget the machine: belt rm --force ${name}`;
  return new UserError(error.message, { hint, cause: error });
}

/** @returns their names. @throws UserError when another belt has claimed one of them */
export async function forgetDamaged(
  unreadable: readonly DamagedMachine[],
  context: Context,
): Promise<string[]> {
  const names = unreadable.map(({ name }) => name);
  if (names.length === 0) return names;
  await whileClaimed(names, 'removed', context, async () => {
    const { machines } = await context.cluster.machines();
    const readable = machines.find(({ name }) => names.includes(name));
    if (readable) throw changedRecordError(readable.name);
    for (const { name, error } of unreadable) {
      // Another belt was removing it, and is done.
      if (!(await folderExists(context.cluster.machineFolder(name)))) continue;
      context.reporter.warn(
        `${name} is no longer recorded, but may still exist at its provider: ${messageOf(error)}`,
      );
      await forgetMachine(name, context);
    }
  });
  return names;
}
