import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument, yesFlag } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type Left, leaveSwarm } from '../../swarm/leave-swarm.js';
import { confirm } from '../../ui/prompt.js';

export default class Leave extends NodeCommand<typeof Leave> {
  static override summary = 'take nodes out of their swarm';
  static override description =
    `Managers are made workers first, one after the other, the leader last; refused, with the numbers, when the swarm would lose its
quorum, or the last manager that it can do without. No entry of the nodes stays in the swarm's list. When all nodes are named, the swarm is
dissolved, with all its services, secrets and configs: that is asked first.`;
  static override usage = 'swarm leave NODES... [--force]';
  static override args = nodesArgument;
  static override flags = {
    force: Flags.boolean({
      summary:
        'do it even where the swarm would lose its quorum, or has none, or no manager answers, or a machine is in another swarm',
    }),
    ...yesFlag,
  };
  static override examples = [
    { description: 'two nodes less', command: '<%= config.bin %> swarm leave node[3:4]' },
    { description: 'the end of a swarm', command: '<%= config.bin %> swarm leave "node*" --yes' },
  ];

  async run(): Promise<BatchReport<Left & { name: string }>> {
    const { force, yes } = this.flags;
    const agree = async (nodes: number): Promise<boolean> => yes || this.asked(nodes);
    const outcomes = await leaveSwarm(this.words, { force, agree }, await this.context());
    return this.report(outcomes, { named: true });
  }

  private async asked(nodes: number): Promise<boolean> {
    process.stderr.write(
      `These ${nodes} are all nodes of the swarm: it is dissolved, with its services, secrets and configs.\n`,
    );
    const { signal } = await this.context();
    return confirm('Are you sure? (y/n): ', { input: process.stdin, output: process.stderr, signal });
  }
}
