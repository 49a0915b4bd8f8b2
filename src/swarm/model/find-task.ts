import { closest } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import { field, list, text } from './json-fields.js';
import { readServices, readTasks, type SwarmTask, taskName } from './swarm-tasks.js';

/** A task with its names, and the container that is there for it. */
export interface NamedTask extends SwarmTask {
  /** `web.2`; of a global service `web.NODEID`. */
  name: string;
  service: string;
  /** Empty before there is one. */
  containerId: string;
  /** Why it is in its state, in the words of the engine; may be empty. */
  reason: string;
}

/** The newest first. @param tasks `GET /tasks` @param services `GET /services` */
export function readNamedTasks(tasks: unknown, services: unknown): NamedTask[] {
  const known = readServices(services);
  const names = new Map(known.map(({ id, name }) => [id, name]));
  const documents = list(tasks).toSorted((one, other) =>
    text(other, 'CreatedAt').localeCompare(text(one, 'CreatedAt')),
  );
  return readTasks(documents).map((task, index) => {
    const status = field(documents[index], 'Status');
    return {
      ...task,
      name: taskName(task, known),
      service: names.get(task.serviceId) ?? '',
      containerId: text(field(status, 'ContainerStatus'), 'ContainerID'),
      reason: text(status, 'Err') || text(status, 'Message'),
    };
  });
}

/**
 * The tasks that the person means: one by the beginning of its id, the one of a name such as `web.2` (that which runs, else the newest), or
 * all of a service that run.
 * @throws UserError when there is none, or the beginning of an id is that of several
 */
export function findTasks(wanted: string, tasks: readonly NamedTask[]): NamedTask[] {
  const ofService = tasks.filter(({ service }) => service === wanted);
  if (ofService.length > 0) return ofService.filter(isRunning);
  const named = tasks.filter(({ name }) => name === wanted);
  const [one] = [...named.filter(isRunning), ...named];
  if (one) return [one];
  const byId = tasks.filter(({ id }) => wanted !== '' && id.startsWith(wanted));
  if (byId.length > 1)
    throw new UserError(`"${wanted}" is the beginning of ${byId.length} tasks' ids`, {
      hint: 'give more of it',
    });
  if (byId.length === 1) return byId;
  throw unknownTask(wanted, tasks);
}

function unknownTask(wanted: string, tasks: readonly NamedTask[]): UserError {
  const known = [...new Set(tasks.flatMap(({ name, service }) => [name, service]))];
  const suggestion = closest(wanted, known);
  return new UserError(`no task or service is called "${wanted}"`, {
    hint: suggestion === undefined ? 'see them: belt docker service ls' : `did you mean "${suggestion}"?`,
  });
}

export function isRunning({ state }: NamedTask): boolean {
  return state === 'running';
}
