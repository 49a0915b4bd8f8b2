import { Flags } from '@oclif/core';
import { selectCluster } from '../../base/selected-cluster.js';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument, yesFlag } from '../../cli/flags.js';
import { type ClusterRemoval, planRemoval, removeCluster } from '../../clusters/remove-cluster.js';

export default class ClusterRm extends BaseCommand<typeof ClusterRm> {
  static override summary = 'Remove a cluster with its settings, keys and certificates';
  static override description =
    `Refused while it has machines, unless --force removes them first. If it was in use, belt switches to
"default".`;
  static override args = {
    name: requiredArgument('Cluster'),
  };
  static override flags = {
    ...yesFlag,
    force: Flags.boolean({ char: 'f', summary: 'Skip confirmation, and also remove its machines' }),
  };
  static override examples = [
    { description: 'Remove an empty cluster', command: '<%= config.bin %> cluster rm swarm3k' },
    {
      description: 'Remove a cluster and its machines',
      command: '<%= config.bin %> cluster rm --force swarm2k',
    },
  ];

  async run(): Promise<{ removed: string; machines: string[] }> {
    const { yes, force } = this.flags;
    const context = await this.context();
    selectCluster({ cluster: this.args.name });
    const doomed = await planRemoval(this.args.name, { force }, context);
    if (!(yes || force)) await this.confirmRemoval(doomed);
    const outcomes = await removeCluster(doomed, context);
    this.print(doomed.name);
    return { removed: doomed.name, machines: outcomes.map(({ name }) => name) };
  }

  private async confirmRemoval({ name, link }: ClusterRemoval): Promise<void> {
    const what = link
      ? `the name ${name} (its folder stays)`
      : `cluster ${name}, its settings, keys and certificates`;
    this.explain(`About to delete ${what}`);
    await this.confirm('Are you sure?', 'removed');
  }
}
