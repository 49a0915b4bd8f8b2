import { Flags } from '@oclif/core';
import { explanationOf, UsageError } from '../base/errors.js';
import { BaseCommand } from '../cli/base-command.js';
import { requiredArgument } from '../cli/flags.js';
import { taskLogs } from '../swarm/tasks/task-logs.js';
import { linePrefixes } from '../ui/failure-summary.js';
import { safeMessage } from '../ui/safe-text.js';

export interface LogLine {
  task: string;
  stream: 'stdout' | 'stderr';
  line: string;
}

export default class Logs extends BaseCommand<typeof Logs> {
  static override summary = "Show a task's logs, read on the node that runs it";
  static override description =
    'With several tasks, each line is prefixed with the task name. Press Ctrl-C to stop.';
  static override args = {
    task: requiredArgument('Task ID or ID prefix, task name (web.2), or service'),
  };
  static override flags = {
    follow: Flags.boolean({ char: 'f', summary: 'Follow log output' }),
    tail: Flags.string({
      char: 'n',
      summary: 'Number of lines to show from the end of the logs',
      helpValue: 'N',
    }),
    timestamps: Flags.boolean({ char: 't', summary: 'Show timestamps' }),
    since: Flags.string({
      summary: 'Show logs since a timestamp (2026-01-02T15:04:05) or relative time (10m)',
      helpValue: 'TIME',
    }),
  };
  static override examples = [
    { description: 'Show the logs of one task', command: '<%= config.bin %> logs web.2' },
    { description: 'Follow all tasks of a service', command: '<%= config.bin %> logs --follow --tail 0 web' },
  ];

  async run(): Promise<LogLine[]> {
    const { follow, tail, timestamps, since } = this.flags;
    const json = this.jsonEnabled();
    if (follow && json)
      throw new UsageError(`--follow cannot be combined with --output ${this.output.format}`);
    if (tail !== undefined && !/^(\d+|all)$/.test(tail))
      throw new UsageError(`invalid number of lines: "${tail}"`, { hint: 'belt logs --tail 100 TASK' });
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
      if (outcome.status === 'failed')
        this.explain(safeMessage(`${outcome.name}: ${explanationOf(outcome.error)}`));
      if (outcome.status === 'ok' && outcome.value !== 0) this.fail();
    }
    return lines;
  }
}
