/**
 * Services and their tasks as the engine's API tells them (https://docs.docker.com/reference/api/engine/: `GET /services`, `GET /tasks`).
 */

import { field, list, text } from './json-fields.js';

export interface SwarmService {
  id: string;
  name: string;
  /** Runs a number of tasks anywhere; otherwise one on every node, or jobs that end by themselves. */
  replicated: boolean;
}

export interface SwarmTask {
  id: string;
  serviceId: string;
  nodeId: string;
  /** Counts the tasks of a replicated service, from 1; those of others have none. */
  slot?: number;
  /** What it is: `new` ... `running`, `complete`, `shutdown`, `failed`, `rejected`, `remove`, `orphaned`. */
  state: string;
  /** What the swarm wants it to be. */
  desired: string;
  /** Why it is not what it is wanted to be; empty where nothing is said. */
  problem: string;
}

export function readServices(services: unknown): SwarmService[] {
  return list(services).map((service) => ({
    id: text(service, 'ID'),
    name: text(field(service, 'Spec'), 'Name'),
    replicated: field(field(field(service, 'Spec'), 'Mode'), 'Replicated') !== undefined,
  }));
}

export function readTasks(tasks: unknown): SwarmTask[] {
  return list(tasks).map((task) => {
    const slot = field(task, 'Slot');
    return {
      id: text(task, 'ID'),
      serviceId: text(task, 'ServiceID'),
      nodeId: text(task, 'NodeID'),
      ...(typeof slot === 'number' && slot > 0 && { slot }),
      state: text(field(task, 'Status'), 'State'),
      desired: text(task, 'DesiredState'),
      problem: text(field(task, 'Status'), 'Err'),
    };
  });
}

/** swarmkit, api/types.proto (`TaskState`): whatever comes after `running` has ended. */
const endedStates = ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'];

/** Whether a container may be there for it. */
export function hasEnded({ state }: SwarmTask): boolean {
  return endedStates.includes(state);
}

/** Whether the swarm wants it, and it does not run yet. */
export function isAwaited(task: SwarmTask): boolean {
  return ['ready', 'running'].includes(task.desired) && task.state !== 'running' && !hasEnded(task);
}

/** No node takes it, as things are (swarmkit, manager/scheduler: `no suitable node (...)`). */
function isUnplaceable({ state, problem }: SwarmTask): boolean {
  return state === 'pending' && problem !== '';
}

/** A service of which less runs than is wanted. */
export interface ServiceShortage {
  service: string;
  running: number;
  missing: number;
  /** Why; empty where it may only be a matter of time. */
  problem: string;
}

export function findShortages(
  services: readonly SwarmService[],
  tasks: readonly SwarmTask[],
): ServiceShortage[] {
  return services.flatMap(({ id, name, replicated }) => {
    const own = tasks.filter(({ serviceId }) => serviceId === id);
    const missing = own.filter(isAwaited);
    if (!replicated || missing.length === 0) return [];
    const running = own.filter(({ state, desired }) => state === 'running' && desired === 'running').length;
    const problem = missing.find(isUnplaceable)?.problem ?? '';
    return [{ service: name, running, missing: missing.length, problem }];
  });
}

/** `web.2`, as `docker service ps` shows it, or the node it is on in place of a number. */
export function taskName(
  { serviceId, slot, nodeId, id }: SwarmTask,
  services: readonly SwarmService[],
): string {
  const service = services.find((candidate) => candidate.id === serviceId);
  return service ? `${service.name}.${slot ?? nodeId}` : id;
}

/** The services that stand still while others are started elsewhere: all that runs of them runs on these nodes. */
export function findInterruptedServices(
  services: readonly SwarmService[],
  tasks: readonly SwarmTask[],
  nodeIds: readonly string[],
): { name: string; tasks: number }[] {
  return services.flatMap(({ id, name, replicated }) => {
    const running = tasks.filter(({ serviceId, state }) => serviceId === id && state === 'running');
    const all = replicated && running.length > 0 && running.every(({ nodeId }) => nodeIds.includes(nodeId));
    return all ? [{ name, tasks: running.length }] : [];
  });
}
