import type { BatchReport } from '../app/batch-report.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { startMachines } from '../machines/lifecycle.js';

export default class Start extends LifecycleCommand<typeof Start> {
  static override summary = 'Start machines and wait for their engines';
  static override usage = 'start [NODES...]';
  static override examples = [
    { description: 'Start one machine', command: '<%= config.bin %> start node1' },
    { description: 'Start several', command: '<%= config.bin %> start node[2:4]' },
  ];

  async run(): Promise<BatchReport<string>> {
    return this.change(
      this.flags.all,
      {
        doing: 'Starting',
        done: 'was started',
        already: 'running',
        advice: 'Started machines may have new IP addresses. You may need to re-run the `belt env` command.',
      },
      startMachines,
    );
  }
}
