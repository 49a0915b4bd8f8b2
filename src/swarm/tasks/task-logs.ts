import { reach } from '../../app/connect-ssh.js';
import type { Context } from '../../app/context.js';
import { fanOut, type Outcome } from '../../app/fan-out.js';
import { UsageError, UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { LineSplitter } from '../../base/line-splitter.js';
import { quoteArgs } from '../../base/quote-args.js';
import { dockerProgram } from '../../engine/remote-docker.js';
import { withSwarm } from '../session.js';
import { type LocatedTask, locateTasks, requireTasks } from './locate-tasks.js';

interface LogOptions {
  follow: boolean;
  timestamps: boolean;
  /** Number of lines, or `all`. */
  tail?: string;
  /** In docker's format: `10m`, `2026-01-02T15:04:05`. */
  since?: string;
}

interface LogInput extends LogOptions {
  /** See `findTasks`. */
  wanted: string;
  /** Called before the first line. */
  onTasks: (names: readonly string[]) => void;
  onLine: (task: string, stream: 'stdout' | 'stderr', line: string) => void;
}

/** Servers allow ten channels per connection by default (sshd_config(5), MaxSessions). */
const maxFollowed = 6;

/**
 * Works without a leader.
 * @returns the exit code of `docker logs` per task
 * @throws UserError when there is no such task, or it has no container
 */
export async function taskLogs(
  { wanted, onTasks, onLine, ...options }: LogInput,
  context: Context,
): Promise<Outcome<number>[]> {
  const tasks = await withSwarm({}, context, (swarm) => locateTasks(wanted, swarm));
  requireTasks(tasks, wanted);
  requireContainers(tasks);
  if (options.follow) requireFewEnough(tasks);
  const names = displayNames(tasks);
  const named = tasks.map((task) => ({ task, name: names.get(task.id) ?? task.id }));
  onTasks(named.map(({ name }) => name));
  const read = async ({ name, task }: { name: string; task: LocatedTask }): Promise<number> => {
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

function logCommand({ containerId, machine }: LocatedTask, options: LogOptions): string {
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

/** Appends the ID to repeated names. */
function displayNames(tasks: readonly LocatedTask[]): Map<string, string> {
  const byName = groupBy(tasks, ({ name }) => name);
  return new Map(
    tasks.map(({ id, name }) => [
      id,
      (byName.get(name)?.length ?? 0) > 1 ? `${name}.${id.slice(0, 12)}` : name,
    ]),
  );
}

function requireContainers(tasks: readonly LocatedTask[]): void {
  const task = tasks.find(({ containerId }) => containerId === '');
  if (!task) return;
  throw new UserError(
    `${task.name} has no container yet (${task.state}${task.reason && `: ${task.reason}`})`,
  );
}

function requireFewEnough(tasks: readonly LocatedTask[]): void {
  for (const [machine, here] of groupBy(tasks, (task) => task.machine.name)) {
    if (here.length <= maxFollowed) continue;
    throw new UsageError(
      `cannot follow ${here.length} tasks on ${machine}: at most ${maxFollowed} per machine`,
      { hint: `belt logs --follow ${here[0]?.name}` },
    );
  }
}
