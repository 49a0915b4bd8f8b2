import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { promoteNodes, type RoleChange } from '../../swarm/change-roles.js';

export default class Promote extends NodeCommand<typeof Promote> {
  static override summary = 'Promote nodes to managers, one at a time';
  static override usage = 'swarm promote NODES...';
  static override args = nodesArgument;
  static override examples = [
    { description: 'Promote two workers', command: '<%= config.bin %> swarm promote node[2:3]' },
  ];

  async run(): Promise<BatchReport<RoleChange & { name: string }>> {
    return this.report(await promoteNodes(this.words, await this.context()));
  }
}
