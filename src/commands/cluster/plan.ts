import { BaseCommand } from '../../cli/base-command.js';
import { exitCodes } from '../../cli/exit-codes.js';
import { groupFlags, groupWords, workersArgument } from '../../cli/group-flags.js';
import { type ClusterPlan, planCluster } from '../../clusters/plan-cluster.js';
import { wantedGroups } from '../../clusters/requested-groups.js';
import { differenceTable, outdatedEnginesText, planSummary } from '../../clusters/views/plan-view.js';

export default class Plan extends BaseCommand<typeof Plan> {
  static override summary = 'Show what differs between a cluster and its config.yml';
  static override description =
    `Compares the groups in config.yml (docs/clusters.md) with the machines and the swarm: missing or
stopped machines, missing nodes, roles, availability, labels, engine options and sizes. Machines and
nodes that are not in any group are reported as extra. Engine options are compared with belt's records.
Machines whose engines do not run what is recorded cause a warning: "belt engine show" shows the details.

The exit code is 2 if there are differences, and 0 if there are none. Settings that only apply at
creation, such as the region, only cause a warning.`;
  static override usage = 'cluster plan [--manager NODES] [NODES...]';
  static override strict = false;
  static override args = workersArgument;
  static override flags = groupFlags;
  static override examples = [
    { description: 'Compare with config.yml', command: '<%= config.bin %> cluster plan' },
    { description: 'Print JSON for scripts', command: '<%= config.bin %> cluster plan --json' },
    {
      description: 'Compare without a config.yml',
      command: '<%= config.bin %> cluster plan --manager mg[0:2] node[1:4]',
    },
  ];

  async run(): Promise<ClusterPlan> {
    const context = await this.context();
    const groups = await wantedGroups(groupWords(this.flags, this.words), context);
    const plan = await planCluster({ groups, prune: this.flags.prune }, context);
    if (plan.obstacle !== undefined) context.reporter.warn(`cannot inspect the swarm: ${plan.obstacle}`);
    this.print(differenceTable(plan.differences));
    if (plan.engines.length > 0) context.reporter.warn(outdatedEnginesText(plan.engines));
    context.reporter.note(planSummary(plan, this.flags));
    if (plan.differences.length > 0) process.exitCode = exitCodes.different;
    return plan;
  }
}
