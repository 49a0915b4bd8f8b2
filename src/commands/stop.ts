import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { stopMachines } from '../operations/machines/lifecycle.js';
import type { BatchReport } from '../operations/machines/summary.js';

export default class Stop extends LifecycleCommand<typeof Stop> {
  static override summary = 'shut machines down in order';
  static override usage = 'stop [NODES...]';
  static override examples = [
    { description: 'one machine', command: '<%= config.bin %> stop node1' },
    { description: 'several at the same time', command: '<%= config.bin %> stop node[2:4]' },
  ];

  async run(): Promise<BatchReport<string>> {
    return this.change(
      this.flags.all,
      { doing: 'Stopping', done: 'was stopped', already: 'stopped' },
      stopMachines,
    );
  }
}
