import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { plural } from '../../base/plural.js';
import { exceptFlag, nodesArgument, yesFlag } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type LeftNode, leaveSwarm } from '../../swarm/leave-swarm.js';

export default class Leave extends NodeCommand<typeof Leave> {
  static override summary = 'Remove nodes from their swarm';
  static override description =
    `Managers are demoted first, one at a time, leader last. Refused if the swarm would lose its quorum or
its last spare manager. If all nodes are named, the swarm is dissolved with its services, secrets and
configs, after confirmation.`;
  static override usage = 'swarm leave NODES... [--force]';
  static override args = nodesArgument;
  static override flags = {
    ...exceptFlag,
    force: Flags.boolean({
      summary: 'Leave even without quorum, without a responding manager, or from another swarm',
    }),
    ...yesFlag,
  };
  static override examples = [
    { description: 'Remove two nodes', command: '<%= config.bin %> swarm leave node[3:4]' },
    { description: 'Dissolve a swarm', command: '<%= config.bin %> swarm leave "node*" --yes' },
  ];

  async run(): Promise<BatchReport<LeftNode & { name: string }>> {
    const { force, yes } = this.flags;
    const confirm = async (nodes: number): Promise<void> => {
      if (!yes) await this.confirmDissolution(nodes);
    };
    const outcomes = await leaveSwarm(this.words, { force, confirm }, await this.context());
    return this.report(outcomes, { named: true });
  }

  private async confirmDissolution(nodes: number): Promise<void> {
    this.explain(
      `All ${plural(nodes, 'node')} will leave: the swarm is dissolved with its services, secrets and configs.`,
    );
    await this.confirm('Are you sure?', 'changed');
  }
}
