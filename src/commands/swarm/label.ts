import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type LabeledNode, labelNodes } from '../../swarm/label-nodes.js';

export default class Label extends NodeCommand<typeof Label> {
  static override summary = 'Set or remove node labels';
  static override description =
    `KEY=VALUE sets a label, KEY- removes it. Services are placed by node labels (--constraint
node.labels.zone==a).`;
  static override usage = 'swarm label NODES... KEY=VALUE... KEY-...';
  static override args = nodesArgument;
  static override examples = [
    { description: 'Set the zone of two nodes', command: '<%= config.bin %> swarm label node[1:2] zone=a' },
    {
      description: 'Set one label and remove another',
      command: '<%= config.bin %> swarm label node1 disk=ssd zone-',
    },
  ];

  async run(): Promise<BatchReport<LabeledNode & { name: string }>> {
    return this.report(await labelNodes(this.words, await this.context()));
  }
}
