import type { Context } from '../../app/context.js';
import { UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import { findTasks, type NamedTask, readNamedTasks } from '../model/find-task.js';
import { memberName } from '../model/members.js';
import { type Swarm, withSwarm } from '../session.js';

/** A task and the machine that runs it. */
export interface PlacedTask extends NamedTask {
  machine: Machine;
}

/**
 * The tasks that `wanted` names (see `findTasks`), where they are now.
 * @throws UserError when one is on no machine of belt's
 */
export async function placedTasks(wanted: string, context: Context): Promise<PlacedTask[]> {
  return withSwarm({}, context, (swarm) => tasksIn(swarm, wanted));
}

export async function tasksIn(swarm: Swarm, wanted: string): Promise<PlacedTask[]> {
  const [tasks, services] = await swarm.request((api) => Promise.all([api.tasks(), api.services()]));
  const found = findTasks(wanted, readNamedTasks(tasks, services));
  const members = new Map((await swarm.members()).map((member) => [member.node.id, member]));
  return found.map((task) => {
    const member = members.get(task.nodeId);
    if (member?.machine) return { ...task, machine: member.machine };
    if (!member)
      throw new UserError(`${task.name} is on no node (${task.state}${task.reason && `: ${task.reason}`})`);
    throw new UserError(`${task.name} runs on ${memberName(member)}, which is not managed by belt`);
  });
}
