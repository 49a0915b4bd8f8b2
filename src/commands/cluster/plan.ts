import { BaseCommand } from '../../cli/base-command.js';
import { exitCodes } from '../../cli/exit-codes.js';
import { groupFlags, groupWords, workersArgument } from '../../cli/group-flags.js';
import { type ClusterPlan, planCluster } from '../../clusters/plan-cluster.js';
import { wantedGroups } from '../../clusters/requested-groups.js';
import { differenceTable, planSummary } from '../../clusters/views/plan-view.js';

export default class Plan extends BaseCommand<typeof Plan> {
  static override summary = 'show what of a cluster is missing, extra and different; nothing is changed';
  static override description =
    `Compares the groups in config.yml (docs/clusters.md) with the machines and the swarm: machines that are not there or off, nodes that
are not in the swarm, roles, availability, labels, options of engines and sizes. What no group names is extra.

The exit code is 2 when something is to be done, and 0 when nothing is. What machines were made with and keep, as their region, is
only warned of.`;
  static override usage = 'cluster plan [--manager NODES] [NODES...]';
  static override strict = false;
  static override args = workersArgument;
  static override flags = groupFlags;
  static override examples = [
    { description: 'by config.yml', command: '<%= config.bin %> cluster plan' },
    { description: 'for a program', command: '<%= config.bin %> cluster plan --json' },
    {
      description: 'without a config.yml',
      command: '<%= config.bin %> cluster plan --manager mg[0:2] node[1:4]',
    },
  ];

  async run(): Promise<ClusterPlan> {
    const context = await this.context();
    const groups = await wantedGroups(groupWords(this.flags, this.words), context);
    const plan = await planCluster({ groups, prune: this.flags.prune }, context);
    if (plan.obstacle !== undefined) context.reporter.warn(`nothing is said of the swarm: ${plan.obstacle}`);
    this.print(differenceTable(plan.differences));
    context.reporter.note(planSummary(plan, this.flags));
    if (plan.differences.length > 0) process.exitCode = exitCodes.different;
    return plan;
  }
}
