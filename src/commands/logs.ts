import { Flags } from '@oclif/core';
import { explanationOf, UsageError } from '../base/errors.js';
import { BaseCommand } from '../cli/base-command.js';
import { requiredArgument } from '../cli/flags.js';
import { taskLogs } from '../swarm/tasks/task-logs.js';
import { linePrefixes } from '../ui/failure-summary.js';

export interface LogLine {
  task: string;
  stream: 'stdout' | 'stderr';
  line: string;
}

export default class Logs extends BaseCommand<typeof Logs> {
  static override summary = 'what the container of a task has written, read at the node that runs it';
  static override description =
    'Of several tasks each line comes with the name of its task. Ctrl-C ends it, as it does with --follow.';
  static override args = {
    task: requiredArgument("a task's id or its beginning, its name (web.2), or a service"),
  };
  static override flags = {
    follow: Flags.boolean({ char: 'f', summary: 'go on with what is written from now on' }),
    tail: Flags.string({ char: 'n', summary: 'only the last lines', helpValue: 'N' }),
    timestamps: Flags.boolean({ char: 't', summary: 'with the time of each line' }),
    since: Flags.string({ summary: 'only from then on: 10m, 2026-01-02T15:04:05', helpValue: 'TIME' }),
  };
  static override examples = [
    { description: 'one task', command: '<%= config.bin %> logs web.2' },
    { description: 'all of a service, from now on', command: '<%= config.bin %> logs --follow --tail 0 web' },
  ];

  async run(): Promise<LogLine[]> {
    const { follow, tail, timestamps, since } = this.flags;
    const json = this.jsonEnabled();
    if (follow && json) throw new UsageError('--follow has no end, and --json is one document');
    if (tail !== undefined && !/^(\d+|all)$/.test(tail))
      throw new UsageError(`"${tail}" is no number of lines`, { hint: '--tail 100' });
    const context = await this.context();
    const lines: LogLine[] = [];
    let prefixes = new Map<string, string>();
    const outcomes = await taskLogs(
      {
        wanted: this.args.task,
        follow,
        timestamps,
        ...(tail !== undefined && { tail }),
        ...(since !== undefined && { since }),
        onTasks: (names) => {
          prefixes = linePrefixes(names, { color: this.color });
        },
        onLine: (task, stream, line) => {
          if (json) lines.push({ task, stream, line });
          else process[stream].write(`${prefixes.get(task)}${line}\n`);
        },
      },
      context,
    );
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    for (const outcome of outcomes) {
      if (outcome.status === 'failed') this.logToStderr(`${outcome.name}: ${explanationOf(outcome.error)}`);
      if (outcome.status === 'ok' && outcome.value !== 0) this.fail();
    }
    return lines;
  }
}
