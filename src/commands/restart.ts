import type { BatchReport } from '../app/batch-report.js';
import { allFlag, forceFlag } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { restartMachines } from '../machines/lifecycle.js';

export default class Restart extends LifecycleCommand<typeof Restart> {
  static override summary = 'Restart machines';
  static override description =
    'Managers of a swarm restart one at a time; refused if the swarm would lose its quorum.';
  static override flags = { ...allFlag, ...forceFlag };
  static override usage = 'restart [NODES...]';
  static override examples = [
    { description: 'Restart one machine', command: '<%= config.bin %> restart node1' },
    { description: 'Restart several', command: '<%= config.bin %> restart node[2:4]' },
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
