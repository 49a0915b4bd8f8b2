import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { ExternalError, UserError } from '../base/errors.js';
import { plural } from '../base/plural.js';
import { removeMachines } from '../machines/lifecycle.js';
import type { Machine } from '../machines/model/machine.js';
import { unknownCluster } from '../state/cluster-index.js';

export interface ClusterRemoval {
  name: string;
  /** The cluster is a link to another folder, which stays. */
  link: boolean;
  machines: Machine[];
}

/** @throws UserError when it does not exist, or has machines, unless `force` */
export async function planRemoval(
  name: string,
  { force }: { force: boolean },
  { clusters }: Context,
): Promise<ClusterRemoval> {
  const { cluster } = await clusters.context(name);
  const names = await clusters.names();
  if (!names.includes(name)) throw unknownCluster(name, names);
  if (await clusters.isLink(name)) return { name, link: true, machines: [] };
  const { machines, damaged } = await cluster.machines();
  const count = machines.length + damaged.length;
  if (count > 0 && !force) {
    throw new UserError(`cluster ${name} has ${plural(count, 'machine')}`, {
      hint: `belt cluster rm --force ${name}, to remove them too`,
    });
  }
  const [unreadable] = damaged;
  if (unreadable) throw unreadable.error;
  return { name, link: false, machines };
}

/** @throws ExternalError when a machine cannot be removed; the cluster stays */
export async function removeCluster(
  { name, machines }: ClusterRemoval,
  { clusters }: Context,
): Promise<Outcome<Machine>[]> {
  const outcomes = machines.length > 0 ? await removeAll(machines, await clusters.context(name)) : [];
  const remaining = outcomes.filter(({ status }) => status !== 'ok').length;
  if (remaining > 0) {
    throw new ExternalError(
      `${remaining} of ${plural(machines.length, 'machine')} could not be removed, so cluster ${name} was kept`,
      {
        hint: `belt cluster rm --force ${name} to retry, or belt --cluster ${name} rm --force --all to remove only their records`,
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
