import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { listServices, listTasks } from './change-availability.js';
import type { NamedMember } from './model/members.js';
import { findShortages, type ServiceShortage } from './model/swarm-tasks.js';
import type { Swarm } from './session.js';

/**
 * Waits until the tasks moved off a drained node run elsewhere, or cannot.
 * @returns the services that still lack tasks
 */
export async function waitForReplacements(
  swarm: Swarm,
  { node }: NamedMember,
  timeoutMs: number,
  step: Step,
  { signal }: Context,
): Promise<ServiceShortage[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const missing = await shortagesAfter(swarm, node.id);
    if (missing.every(({ problem }) => problem !== '') || Date.now() > deadline) return missing;
    step(`waiting until ${missing.map(({ service }) => service).join(' and ')} can run elsewhere`);
    await sleep(250, undefined, { signal });
  }
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

/** As in `web runs 2 of 3 tasks (no suitable node)`. */
export function shortageText({ service, running, missing, problem }: ServiceShortage): string {
  return `${service} runs ${running} of ${running + missing} tasks${problem && ` (${problem})`}`;
}
