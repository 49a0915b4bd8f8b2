import * as z from 'zod/mini';
import { type AbandonedManagers, abandonedManagersPath } from '../../app/abandoned-managers.js';
import type { Context } from '../../app/context.js';
import type { Step } from '../../app/reporter.js';
import type { Task } from '../../app/run-tasks.js';
import { rethrowAbort, UserError } from '../../base/errors.js';
import { readRecord, writeRecord } from '../../base/record-file.js';
import type { Machine } from '../../machines/model/machine.js';
import { findManager, type IsWanted } from '../find-manager.js';
import { leaveByForce } from '../leave-swarm.js';
import { withEngine } from '../membership.js';
import { type NodeIdentity, readIdentity } from '../model/node-key.js';
import type { Swarm } from '../session.js';
import { runFolderScript } from './run-folder-script.js';

const abandonedSchema = z.object({
  managers: z.array(
    z.object({
      name: z.string(),
      swarmId: z.string(),
      /** The node ID that it had then: a machine that has rejoined has another one. */
      nodeId: z.string(),
      /** The machine that was made the only manager. */
      successor: z.string(),
    }),
  ),
});
type AbandonedManager = z.infer<typeof abandonedSchema>['managers'][number];

export function abandonedManagers(context: Context): AbandonedManagers {
  return {
    names: async () => new Set((await readAbandoned(context)).map(({ name }) => name)),
    leaveOldSwarm: (machine, step) => leaveOldSwarm(machine, step, context),
  };
}

/**
 * Call it right after a new cluster was forced: the other managers are still listed, but no longer
 * as members of the raft.
 */
export async function recordAbandonedManagers(swarm: Swarm, ownId: string, context: Context): Promise<void> {
  const found = (await swarm.members()).flatMap(({ node, machine }): AbandonedManager[] =>
    machine && node.role === 'manager' && node.reachability === undefined && node.id !== ownId
      ? [{ name: machine.name, swarmId: swarm.id, nodeId: node.id, successor: swarm.manager.name }]
      : [],
  );
  if (found.length > 0) await addAbandonedManagers(found, context);
}

export async function addAbandonedManagers(
  added: readonly AbandonedManager[],
  context: Context,
): Promise<void> {
  const names = new Set(added.map(({ name }) => name));
  const others = (await readAbandoned(context)).filter(({ name }) => !names.has(name));
  await writeAbandoned([...others, ...added], context);
}

/** For machines that have rejoined, or are removed. */
export async function forgetAbandonedManagers(names: readonly string[], context: Context): Promise<void> {
  const abandoned = await readAbandoned(context);
  const left = abandoned.filter(({ name }) => !names.includes(name));
  if (left.length < abandoned.length) await writeAbandoned(left, context);
}

async function leaveOldSwarm(machine: Machine, step: Step, context: Context): Promise<void> {
  const { name } = machine;
  const record = (await readAbandoned(context)).find((one) => one.name === name);
  if (!record) return;
  step('checking whether it is still in its old swarm');
  const identity = await readNodeIdentity(machine, context);
  if (identity?.manager && identity.nodeId === record.nodeId) {
    await leaveUnlessLast({ subject: machine, step, context }, record);
  }
  await forgetAbandonedManagers([name], context);
}

/** Without a swarm that continues, the machine has one of the last copies of its state. */
async function leaveUnlessLast(
  { subject: machine, step, context }: Task,
  { name, swarmId, nodeId, successor }: AbandonedManager,
): Promise<void> {
  const { machines } = await context.cluster.machines();
  const abandoned = new Set((await readAbandoned(context)).map((record) => record.name));
  const others = machines.filter((other) => !abandoned.has(other.name));
  const continues: IsWanted = ({ membership, nodes }) =>
    membership.swarmId === swarmId &&
    !nodes.some(({ id, reachability }) => id === nodeId && reachability === 'reachable');
  const manager = await findManager([others], context, continues).catch(rethrowAbort);
  if (manager) {
    manager.api.close();
    step('leaving its old swarm');
    await withEngine(machine, context, (api) => leaveByForce(api, context));
    context.reporter.note(
      `${name} has left its old swarm, which continues without it; to add it again: belt swarm join --manager ${manager.machine.name} ${name}`,
    );
    return;
  }
  if (others.some((other) => other.name === successor))
    throw new UserError(
      `${name} is still in its old swarm, and no manager of the swarm that continues without it responds`,
      { hint: `belt start ${successor}` },
    );
  context.reporter.note(`${name} stays in its old swarm: ${successor}, which continued it, no longer exists`);
}

/** From the certificate of the node, so it needs no leader. @returns undefined without a swarm */
export async function readNodeIdentity(
  machine: Machine,
  context: Context,
): Promise<NodeIdentity | undefined> {
  const answers = await runFolderScript(machine, { script: 'inspect' }, context);
  return readIdentity(answers.get('certificate')?.[0] ?? '');
}

async function readAbandoned({ cluster }: Context): Promise<AbandonedManager[]> {
  const record = await readRecord(
    abandonedManagersPath(cluster.folder),
    abandonedSchema,
    'a record of abandoned managers',
  );
  return record?.managers ?? [];
}

function writeAbandoned(managers: readonly AbandonedManager[], { cluster }: Context): Promise<void> {
  const path = abandonedManagersPath(cluster.folder);
  return managers.length > 0 ? writeRecord(path, { managers }, cluster.files) : cluster.files.remove(path);
}
