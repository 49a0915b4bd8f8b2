import type { BatchReport } from '../app/batch-report.js';
import { allFlag, forceFlag } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { killMachines } from '../machines/lifecycle.js';
import { quorumGuard } from '../swarm/quorum-guard.js';

/** A machine that is killed is often hung, so belt does not wait long for it. */
const killTimeoutMs = 3_000;

export default class Kill extends LifecycleCommand<typeof Kill> {
  static override summary = 'Power off machines immediately';
  static override description = 'Like "stop", refused if a swarm would lose its quorum.';
  static override flags = { ...allFlag, ...forceFlag };
  static override usage = 'kill [NODES...]';
  static override examples = [
    { description: 'Power off one machine', command: '<%= config.bin %> kill node1' },
    { description: 'Power off several', command: '<%= config.bin %> kill node[2:4]' },
  ];

  async run(): Promise<BatchReport<string>> {
    return this.change(
      this.flags.all,
      { doing: 'Killing', done: 'was killed', already: 'stopped' },
      killMachines,
      quorumGuard({ action: 'killing', force: this.flags.force, timeoutMs: killTimeoutMs }),
    );
  }
}
