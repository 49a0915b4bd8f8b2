import { UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import { findTasks, type NamedTask, readNamedTasks } from '../model/find-task.js';
import { memberName } from '../model/members.js';
import type { Swarm } from '../session.js';

export interface LocatedTask extends NamedTask {
  machine: Machine;
}

/** @throws UserError when a task is on a machine that belt does not manage */
export async function locateTasks(wanted: string, swarm: Swarm): Promise<LocatedTask[]> {
  const [tasks, services] = await swarm.request((api) => Promise.all([api.tasks(), api.services()]));
  const found = findTasks(wanted, readNamedTasks(tasks, services));
  const members = new Map((await swarm.members()).map((member) => [member.node.id, member]));
  return found.map((task) => {
    const member = members.get(task.nodeId);
    if (member?.machine) return { ...task, machine: member.machine };
    if (!member)
      throw new UserError(
        `${task.name} is not assigned to a node (${task.state}${task.reason && `: ${task.reason}`})`,
      );
    throw new UserError(`${task.name} runs on ${memberName(member)}, which is not managed by belt`);
  });
}

/** @throws UserError without tasks */
export function requireTasks(tasks: readonly LocatedTask[], wanted: string): void {
  if (tasks.length > 0) return;
  throw new UserError(`${wanted} has no running tasks`, { hint: `belt docker service ps ${wanted}` });
}
