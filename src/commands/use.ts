import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { clusterInUse, useCluster } from '../clusters/use-cluster.js';

export default class Use extends BaseCommand<typeof Use> {
  static override summary = 'choose or show the cluster that commands work with';
  static override args = {
    cluster: argument('the cluster to work with from now on'),
  };
  static override examples = [
    { description: 'show', command: '<%= config.bin %> use' },
    { description: 'choose', command: '<%= config.bin %> use default' },
  ];

  async run(): Promise<{ cluster: string }> {
    const context = await this.context();
    const cluster =
      this.args.cluster === undefined ? clusterInUse(context) : await useCluster(this.args.cluster, context);
    this.print(cluster);
    return { cluster };
  }
}
