import type { Task } from '../app/run-tasks.js';
import { pollUntil } from '../base/poll.js';
import { listServices, listTasks } from './change-availability.js';
import type { NamedMember } from './model/members.js';
import { findShortages, type ServiceShortage } from './model/swarm-tasks.js';
import type { Swarm } from './session.js';

/** @returns the services that still lack tasks */
export function waitForReplacements(
  swarm: Swarm,
  timeoutMs: number,
  { subject, step, context: { signal } }: Task<NamedMember>,
): Promise<ServiceShortage[]> {
  const isFinal = (shortages: readonly ServiceShortage[]): boolean => {
    if (shortages.every(({ problem }) => problem !== '')) return true;
    step(`waiting until ${shortages.map(({ service }) => service).join(' and ')} can run elsewhere`);
    return false;
  };
  return pollUntil(() => shortagesAfter(swarm, subject.node.id), isFinal, { timeoutMs, signal });
}

/** Of services with a recent task on the node. */
async function shortagesAfter(swarm: Swarm, nodeId: string): Promise<ServiceShortage[]> {
  const services = new Set((await listTasks(swarm, { node: [nodeId] })).map(({ serviceId }) => serviceId));
  if (services.size === 0) return [];
  const [all, tasks] = await Promise.all([listServices(swarm), listTasks(swarm, { service: [...services] })]);
  return findShortages(
    all.filter(({ id }) => services.has(id)),
    tasks,
  );
}

/** Such as `web runs 2 of 3 tasks (no suitable node)`. */
export function shortageText({ service, running, missing, problem }: ServiceShortage): string {
  return `${service} runs ${running} of ${running + missing} tasks${problem && ` (${problem})`}`;
}
