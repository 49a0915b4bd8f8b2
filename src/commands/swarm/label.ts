import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type Labelled, labelNodes } from '../../swarm/label-nodes.js';

export default class Label extends NodeCommand<typeof Label> {
  static override summary = 'set labels of nodes, and take them away';
  static override description =
    `KEY=VALUE sets a label, KEY- takes it away. They are the swarm's node labels: services are placed by them
(--constraint node.labels.zone==a).`;
  static override usage = 'swarm label NODES... KEY=VALUE... KEY-...';
  static override args = nodesArgument;
  static override examples = [
    { description: 'two nodes of a zone', command: '<%= config.bin %> swarm label node[1:2] zone=a' },
    { description: 'set one, take one away', command: '<%= config.bin %> swarm label node1 disk=ssd zone-' },
  ];

  async run(): Promise<BatchReport<Labelled & { name: string }>> {
    return this.report(await labelNodes(this.words, await this.context()));
  }
}
