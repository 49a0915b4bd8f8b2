import { Flags } from '@oclif/core';
import { isAbort } from '../base/errors.js';
import { BaseCommand } from '../cli/base-command.js';
import { requiredArgument } from '../cli/flags.js';
import { serviceStats, type TaskUsage } from '../swarm/tasks/service-stats.js';
import { statsTable } from '../swarm/views/stats-table.js';
import { LiveTable } from '../ui/live-table.js';

export default class Stats extends BaseCommand<typeof Stats> {
  static override summary = "Show resource usage of a service's tasks";
  static override description =
    `On a terminal the table is refreshed every second until Ctrl-C. Otherwise it is printed once, as with
--no-stream.`;
  static override args = {
    service: requiredArgument('Service or task'),
  };
  static override flags = {
    'no-stream': Flags.boolean({ summary: 'Print once and exit' }),
  };
  static override examples = [
    { description: 'Watch a service', command: '<%= config.bin %> stats web' },
    { description: 'Print JSON for scripts', command: '<%= config.bin %> stats --json web' },
  ];

  async run(): Promise<TaskUsage[]> {
    const context = await this.context();
    const wanted = this.args.service;
    if (this.flags['no-stream'] || this.jsonEnabled() || !process.stdout.isTTY) {
      const rows = await serviceStats({ wanted }, context);
      this.print(statsTable(rows));
      return rows;
    }
    const area = new LiveTable(process.stdout);
    const onRows = (rows: TaskUsage[]): void => area.draw(statsTable(rows, process.stdout.columns));
    try {
      return await serviceStats({ wanted, onRows }, context);
    } catch (error) {
      // Ctrl-C ends the display.
      if (isAbort(error) && context.signal.aborted) return [];
      throw error;
    }
  }
}
