import type { BatchReport } from '../app/batch-report.js';
import { UsageError } from '../base/errors.js';
import { allFlag, forceFlag, nodesArgument, requiredArgument } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { resizeMachines } from '../machines/resize-machines.js';
import { resizeGuard } from '../swarm/quorum-guard.js';

export default class Resize extends LifecycleCommand<typeof Resize> {
  static override summary = 'Resize machines';
  static override usage = 'resize SIZE NODES...';
  static override args = {
    size: requiredArgument("Memory amount or the provider's size"),
    ...nodesArgument,
  };
  static override resumes = true;
  static override flags = { ...allFlag, ...forceFlag };
  static override examples = [
    { description: 'Resize two machines to 1 GB', command: '<%= config.bin %> resize 1gb node[1:2]' },
  ];

  async run(): Promise<BatchReport<string>> {
    const [size, ...nodes] = this.words;
    if (size === undefined) throw new UsageError('no size specified', { hint: 'belt resize 1gb node1' });
    const { all, force } = this.flags;
    return this.actOn(
      nodes,
      all,
      (machines, context) => resizeMachines(machines, size, context),
      resizeGuard({ force }),
    );
  }
}
