import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';

export default class Use extends BaseCommand<typeof Use> {
  static override summary = 'Show or set the cluster in use';
  static override args = {
    cluster: argument('Cluster to use'),
  };
  static override examples = [
    { description: 'Show the cluster in use', command: '<%= config.bin %> use' },
    { description: 'Switch to another cluster', command: '<%= config.bin %> use default' },
  ];

  async run(): Promise<{ cluster: string }> {
    const context = await this.context();
    const { cluster = context.cluster.name } = this.args;
    if (this.args.cluster !== undefined) await context.clusters.use(cluster);
    this.print(cluster);
    return { cluster };
  }
}
