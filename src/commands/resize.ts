import type { BatchReport } from '../app/batch-report.js';
import { allFlag, forceFlag, nodesArgument, requiredArgument } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { readResizeWords } from '../machines/model/create-words.js';
import { resizeMachines } from '../machines/resize-machines.js';
import { resizeGuard } from '../swarm/quorum-guard.js';

export default class Resize extends LifecycleCommand<typeof Resize> {
  static override summary = 'Resize machines';
  static override usage = 'resize SIZE NODES...';
  static override args = {
    size: requiredArgument("Memory amount or the provider's size"),
    ...nodesArgument,
  };
  static override flags = { ...allFlag, ...forceFlag };
  static override examples = [
    { description: 'Resize two machines to 1 GB', command: '<%= config.bin %> resize 1gb node[1:2]' },
  ];

  async run(): Promise<BatchReport<string>> {
    const { size, nodes } = readResizeWords(this.words);
    const { all, force } = this.flags;
    return this.actOn(
      nodes,
      all,
      (machines, context) => resizeMachines(machines, size, context),
      resizeGuard({ force }),
    );
  }
}
