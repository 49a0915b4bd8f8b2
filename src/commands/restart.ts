import type { BatchReport } from '../app/batch-report.js';
import { allFlag, forceFlag } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { restartMachines } from '../machines/lifecycle.js';

export default class Restart extends LifecycleCommand<typeof Restart> {
  static override summary = 'shut machines down and start them again';
  static override description =
    'Managers of a swarm go one after the other, each when the one before is back; refused where another is missing and the swarm would lose its quorum meanwhile.';
  static override flags = { ...allFlag, ...forceFlag };
  static override usage = 'restart [NODES...]';
  static override examples = [
    { description: 'one machine', command: '<%= config.bin %> restart node1' },
    { description: 'several at the same time', command: '<%= config.bin %> restart node[2:4]' },
  ];

  async run(): Promise<BatchReport<string>> {
    return this.change(
      this.flags.all,
      {
        doing: 'Restarting',
        advice:
          'Restarted machines may have new IP addresses. You may need to re-run the `belt env` command.',
      },
      (machines, context) => restartMachines(machines, { force: this.flags.force }, context),
    );
  }
}
