import { BaseCommand } from '../../cli/base-command.js';
import { timeoutFlag } from '../../cli/flags.js';
import { type ClusterSummary, listClusters } from '../../clusters/list-clusters.js';
import { clusterTable } from '../../clusters/views/cluster-table.js';

export default class ClusterLs extends BaseCommand<typeof ClusterLs> {
  static override summary = 'List clusters and the managers of their swarms';
  static override description =
    `ACTIVE marks the cluster in use; MACHINES counts running and all machines. All clusters are queried at
once, each within --timeout; an unresponsive one only affects its own row.`;
  static override flags = timeoutFlag('Timeout per cluster in seconds', 10, { char: 't' });
  static override examples = [
    { description: 'List all clusters', command: '<%= config.bin %> cluster ls' },
    { description: 'Print JSON for scripts', command: '<%= config.bin %> cluster ls --json' },
  ];

  async run(): Promise<ClusterSummary[]> {
    const context = await this.context();
    const clusters = await listClusters({ timeoutMs: this.flags.timeout * 1000 }, context);
    for (const { name, errors } of clusters)
      for (const error of errors) context.reporter.warn(`${name}: ${error}`);
    this.print(clusterTable(clusters, { wide: this.wide }));
    return clusters;
  }
}
