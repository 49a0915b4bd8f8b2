import { closest } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import type { ServiceDocument, TaskDocument } from '../../engine/model/api-documents.js';
import { readServices, readTasks, type SwarmTask, taskName } from './swarm-tasks.js';

export interface NamedTask extends SwarmTask {
  /** `web.2`, or `web.NODEID` for a global service. */
  name: string;
  service: string;
  /** Empty before the container exists. */
  containerId: string;
  /** May be empty. */
  reason: string;
}

/** Newest first. */
export function readNamedTasks(
  tasks: readonly TaskDocument[],
  services: readonly ServiceDocument[],
): NamedTask[] {
  const known = readServices(services);
  const names = new Map(known.map(({ id, name }) => [id, name]));
  const documents = tasks.toSorted((one, other) =>
    (other.CreatedAt ?? '').localeCompare(one.CreatedAt ?? ''),
  );
  return readTasks(documents).map((task, index) => {
    const status = documents[index]?.Status;
    return {
      ...task,
      name: taskName(task, known),
      service: names.get(task.serviceId) ?? '',
      containerId: status?.ContainerStatus?.ContainerID ?? '',
      reason: (status?.Err || status?.Message) ?? '',
    };
  });
}

/** @param wanted a service, a task such as `web.2`, or an ID prefix @throws UserError */
export function findTasks(wanted: string, tasks: readonly NamedTask[]): NamedTask[] {
  const ofService = tasks.filter(({ service }) => service === wanted);
  if (ofService.length > 0) return ofService.filter(isRunning);
  const named = tasks.filter(({ name }) => name === wanted);
  const [one] = [...named.filter(isRunning), ...named];
  if (one) return [one];
  const byId = tasks.filter(({ id }) => wanted !== '' && id.startsWith(wanted));
  if (byId.length > 1)
    throw new UserError(`multiple IDs found with provided prefix: ${wanted}`, {
      hint: 'use a longer prefix',
    });
  if (byId.length === 1) return byId;
  throw unknownTask(wanted, tasks);
}

function unknownTask(wanted: string, tasks: readonly NamedTask[]): UserError {
  const known = [...new Set(tasks.flatMap(({ name, service }) => [name, service]))];
  const suggestion = closest(wanted, known);
  return new UserError(`no such task or service: ${wanted}`, {
    hint: suggestion === undefined ? 'belt docker service ls' : `did you mean "${suggestion}"?`,
  });
}

function isRunning({ state }: NamedTask): boolean {
  return state === 'running';
}
