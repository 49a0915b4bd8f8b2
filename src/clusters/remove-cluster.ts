import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { ExternalError, UserError } from '../base/errors.js';
import { removeMachines } from '../machines/lifecycle.js';
import type { Machine } from '../machines/model/machine.js';
import { unknownCluster } from '../state/cluster-index.js';

/** What goes with a cluster when it is removed. */
export interface DoomedCluster {
  name: string;
  /** A name for a folder elsewhere, which stays. */
  link: boolean;
  machines: Machine[];
}

/**
 * Looks up a cluster to remove.
 * @throws UserError when there is none of that name, or when it has machines and they are not to go
 * with it (`force`)
 */
export async function doomedCluster(
  name: string,
  { force }: { force: boolean },
  { clusters }: Context,
): Promise<DoomedCluster> {
  const { cluster } = await clusters.context(name);
  const names = await clusters.names();
  if (!names.includes(name)) throw unknownCluster(name, names);
  if (await clusters.isLink(name)) return { name, link: true, machines: [] };
  const { machines, damaged } = await cluster.machines();
  const count = machines.length + damaged.length;
  if (count > 0 && !force) {
    throw new UserError(`${name} has ${count === 1 ? 'a machine' : `${count} machines`}`, {
      hint: `see them: belt --cluster ${name} ls; destroy them too: belt cluster rm --force ${name}`,
    });
  }
  const [unreadable] = damaged;
  if (unreadable) throw unreadable.error;
  return { name, link: false, machines };
}

/**
 * Destroys a cluster's machines, and deletes all that is recorded of it. While one of them is left,
 * the cluster stays.
 * @returns one outcome a machine
 */
export async function removeCluster(
  { name, machines }: DoomedCluster,
  { clusters }: Context,
): Promise<Outcome<Machine>[]> {
  const outcomes = machines.length > 0 ? await removeAll(machines, await clusters.context(name)) : [];
  const left = outcomes.filter(({ status }) => status !== 'ok').length;
  if (left > 0) {
    throw new ExternalError(
      `${left} of ${machines.length} machines could not be destroyed, and ${name} stays`,
      {
        hint: `try again: belt cluster rm --force ${name}; forget those: belt --cluster ${name} rm --force --all`,
      },
    );
  }
  await clusters.remove(name);
  return outcomes;
}

async function removeAll(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const outcomes = await removeMachines(machines, { force: false }, context);
  context.signal.throwIfAborted();
  return outcomes;
}
