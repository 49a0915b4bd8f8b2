import { reach } from '../../app/connect-ssh.js';
import type { Context } from '../../app/context.js';
import { fanOut, type Outcome } from '../../app/fan-out.js';
import { UsageError, UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { LineSplitter } from '../../base/line-splitter.js';
import { quoteArgs } from '../../base/quote-args.js';
import { dockerProgram } from '../../engine/docker-program.js';
import { type PlacedTask, placedTasks } from './placed-tasks.js';

export interface LogOptions {
  follow: boolean;
  timestamps: boolean;
  /** How many lines of the end, or `all`. */
  tail?: string;
  /** As docker takes it: `10m`, `2026-01-02T15:04:05`. */
  since?: string;
}

export interface LogInput extends LogOptions {
  /** A task's id or the beginning of one, its name (`web.2`), or a service. */
  wanted: string;
  /** Told which tasks it will be before their first line. */
  onTasks: (names: readonly string[]) => void;
  onLine: (task: string, stream: 'stdout' | 'stderr', line: string) => void;
}

/** Each follows in a channel of its own, and an SSH server gives ten a connection. */
const maxFollowed = 6;

/**
 * What the containers of tasks have written, read at the nodes that run them: it works without the
 * managers passing it on, which `docker service logs` needs.
 * @returns an exit code a task
 * @throws UserError when there is no such task, or it has no container
 */
export async function taskLogs(
  { wanted, onTasks, onLine, ...options }: LogInput,
  context: Context,
): Promise<Outcome<number>[]> {
  const tasks = await placedTasks(wanted, context);
  if (tasks.length === 0)
    throw new UserError(`${wanted} has no running tasks`, { hint: `belt docker service ps ${wanted}` });
  requireContainers(tasks);
  if (options.follow) requireFewEnough(tasks);
  const names = displayNames(tasks);
  const named = tasks.map((task) => ({ task, name: names.get(task.id) ?? task.id }));
  onTasks(named.map(({ name }) => name));
  const read = async ({ name, task }: { name: string; task: PlacedTask }): Promise<number> => {
    const connection = await reach(task.machine, context);
    const stdout = new LineSplitter((line) => onLine(name, 'stdout', line));
    const stderr = new LineSplitter((line) => onLine(name, 'stderr', line));
    const { signal } = context;
    try {
      return await connection.stream(logCommand(task, options), { stdout, stderr, signal });
    } finally {
      stdout.flush();
      stderr.flush();
    }
  };
  return fanOut(named, read, { limit: named.length, signal: context.signal });
}

function logCommand({ containerId, machine }: PlacedTask, options: LogOptions): string {
  const { follow, timestamps, tail, since } = options;
  const args = [
    'logs',
    ...(follow ? ['--follow'] : []),
    ...(timestamps ? ['--timestamps'] : []),
    ...(tail === undefined ? [] : ['--tail', tail]),
    ...(since === undefined ? [] : ['--since', since]),
    containerId,
  ];
  return `${dockerProgram(machine.ssh.user)} ${quoteArgs(args)}`;
}

/** Two tasks of one name are told apart by their ids. */
function displayNames(tasks: readonly PlacedTask[]): Map<string, string> {
  const byName = groupBy(tasks, ({ name }) => name);
  return new Map(
    tasks.map(({ id, name }) => [
      id,
      (byName.get(name)?.length ?? 0) > 1 ? `${name}.${id.slice(0, 12)}` : name,
    ]),
  );
}

function requireContainers(tasks: readonly PlacedTask[]): void {
  const task = tasks.find(({ containerId }) => containerId === '');
  if (!task) return;
  throw new UserError(
    `${task.name} has no container yet (${task.state}${task.reason && `: ${task.reason}`})`,
  );
}

function requireFewEnough(tasks: readonly PlacedTask[]): void {
  for (const [machine, here] of groupBy(tasks, (task) => task.machine.name)) {
    if (here.length <= maxFollowed) continue;
    throw new UsageError(
      `${here.length} tasks run on ${machine}, and at most ${maxFollowed} there can be followed`,
      {
        hint: `name one: ${here[0]?.name}`,
      },
    );
  }
}
