import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type Removed, removeNodes } from '../../swarm/remove-nodes.js';

export default class SwarmRm extends NodeCommand<typeof SwarmRm> {
  static override summary = "remove nodes that are gone from their swarm's list";
  static override description =
    'A manager that is gone is made a worker first; refused, with the numbers, when the swarm would lose its quorum. For nodes that are there: belt swarm leave.';
  static override usage = 'swarm rm NODES... [--force]';
  static override args = nodesArgument;
  static override flags = {
    force: Flags.boolean({ summary: 'also nodes that are there, and whatever it does to the quorum' }),
  };
  static override examples = [
    { description: 'a node that was destroyed', command: '<%= config.bin %> swarm rm node4' },
  ];

  async run(): Promise<BatchReport<Removed & { name: string }>> {
    return this.report(await removeNodes(this.words, this.flags, await this.context()));
  }
}
