import type { BatchReport } from '../app/batch-report.js';
import { allFlag, forceFlag } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { stopMachines } from '../machines/lifecycle.js';
import { quorumGuard } from '../swarm/quorum-guard.js';

export default class Stop extends LifecycleCommand<typeof Stop> {
  static override summary = 'Shut down machines gracefully';
  static override description =
    `Refused if a swarm would lose its quorum while other nodes keep running. Stopping all nodes of a
swarm at once is allowed; "start" brings it back.`;
  static override flags = { ...allFlag, ...forceFlag };
  static override usage = 'stop [NODES...]';
  static override examples = [
    { description: 'Stop one machine', command: '<%= config.bin %> stop node1' },
    { description: 'Stop several', command: '<%= config.bin %> stop node[2:4]' },
  ];

  async run(): Promise<BatchReport<string>> {
    return this.change(
      this.flags.all,
      { doing: 'Stopping', done: 'was stopped', already: 'stopped' },
      stopMachines,
      quorumGuard({ action: 'stopping', force: this.flags.force }),
    );
  }
}
