import type { ServiceDocument, TaskDocument } from '../../engine/model/api-documents.js';

export interface SwarmService {
  id: string;
  name: string;
  /** False for global services and jobs. */
  replicated: boolean;
}

export interface SwarmTask {
  id: string;
  serviceId: string;
  nodeId: string;
  /** From 1; for replicated services. */
  slot?: number;
  state: string;
  desired: string;
  /** May be empty. */
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

/** swarmkit, api/types.proto: `TaskState` */
const endedStates = ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'];

export function hasEnded({ state }: SwarmTask): boolean {
  return endedStates.includes(state);
}

function isAwaited(task: SwarmTask): boolean {
  return ['ready', 'running'].includes(task.desired) && task.state !== 'running' && !hasEnded(task);
}

/** Such as `no suitable node (...)` (swarmkit, manager/scheduler). */
function isUnplaceable({ state, problem }: SwarmTask): boolean {
  return state === 'pending' && problem !== '';
}

export interface ServiceShortage {
  service: string;
  running: number;
  missing: number;
  /** May be empty while tasks start. */
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

/** `web.2` as in `docker service ps`, or `web.NODEID` for a global service. */
export function taskName(
  { serviceId, slot, nodeId, id }: SwarmTask,
  services: readonly SwarmService[],
): string {
  const service = services.find((candidate) => candidate.id === serviceId);
  return service ? `${service.name}.${slot ?? nodeId}` : id;
}

/** Services that run on these nodes only, and stop while their tasks move. */
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
