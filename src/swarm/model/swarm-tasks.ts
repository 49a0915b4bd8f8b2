/**
 * Services and tasks, read from the engine's API
 * (https://docs.docker.com/reference/api/engine/: `GET /services`, `GET /tasks`).
 */

import type { ServiceDocument, TaskDocument } from '../../engine/model/api-documents.js';

export interface SwarmService {
  id: string;
  name: string;
  /** Otherwise global, or a job. */
  replicated: boolean;
}

export interface SwarmTask {
  id: string;
  serviceId: string;
  nodeId: string;
  /** Replicated services only: counts their tasks, from 1. */
  slot?: number;
  /** `new` ... `running`, `complete`, `shutdown`, `failed`, `rejected`, `remove`, `orphaned`. */
  state: string;
  /** The desired state. */
  desired: string;
  /** The engine's error; may be empty. */
  problem: string;
}

export function readServices(services: readonly ServiceDocument[]): SwarmService[] {
  return services.map(({ ID, Spec: { Name, Mode } }) => ({
    id: ID,
    name: Name,
    replicated: Mode?.Replicated !== undefined,
  }));
}

export function readTasks(tasks: readonly TaskDocument[]): SwarmTask[] {
  return tasks.map(({ ID, ServiceID = '', NodeID = '', Slot = 0, DesiredState = '', Status }) => ({
    id: ID,
    serviceId: ServiceID,
    nodeId: NodeID,
    ...(Slot > 0 && { slot: Slot }),
    state: Status?.State ?? '',
    desired: DesiredState,
    problem: Status?.Err ?? '',
  }));
}

/** The states after `running` (swarmkit, api/types.proto: `TaskState`). */
const endedStates = ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'];

export function hasEnded({ state }: SwarmTask): boolean {
  return endedStates.includes(state);
}

/** Should run, and does not yet. */
export function isAwaited(task: SwarmTask): boolean {
  return ['ready', 'running'].includes(task.desired) && task.state !== 'running' && !hasEnded(task);
}

/** As in `no suitable node (...)` (swarmkit, manager/scheduler). */
function isUnplaceable({ state, problem }: SwarmTask): boolean {
  return state === 'pending' && problem !== '';
}

/** A service with fewer running tasks than desired. */
export interface ServiceShortage {
  service: string;
  running: number;
  missing: number;
  /** Empty: tasks may still be starting. */
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

/** `web.2`, as `docker service ps` shows it; `web.NODEID` for a global service. */
export function taskName(
  { serviceId, slot, nodeId, id }: SwarmTask,
  services: readonly SwarmService[],
): string {
  const service = services.find((candidate) => candidate.id === serviceId);
  return service ? `${service.name}.${slot ?? nodeId}` : id;
}

/** Services whose running tasks are all on these nodes, and stop while tasks move elsewhere. */
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
