import type { BatchReport } from '../../app/batch-report.js';
import { exceptFlag, forceFlag, nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { demoteNodes, type RoleChange } from '../../swarm/change-roles.js';

export default class Demote extends NodeCommand<typeof Demote> {
  static override summary = 'Demote managers to workers, one at a time, leader last';
  static override description = 'Refused if the swarm would lose its quorum or its last spare manager.';
  static override usage = 'swarm demote NODES... [--force]';
  static override args = nodesArgument;
  static override flags = { ...forceFlag, ...exceptFlag };
  static override examples = [
    { description: 'Demote two managers', command: '<%= config.bin %> swarm demote mg[3:4]' },
  ];

  async run(): Promise<BatchReport<RoleChange & { name: string }>> {
    return this.report(await demoteNodes(this.words, this.flags, await this.context()));
  }
}
