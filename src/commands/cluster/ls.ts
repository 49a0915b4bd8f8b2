import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type ClusterSummary, listClusters } from '../../clusters/list-clusters.js';
import { clusterTable } from '../../clusters/views/cluster-table.js';

export default class ClusterLs extends BaseCommand<typeof ClusterLs> {
  static override summary = 'list the clusters, with the managers of their swarms';
  static override description =
    `ACTIVE marks the cluster in use; #NODES are the machines that run, of all. All clusters are asked at once, each within its own
--timeout; one that gives no answer costs its own row and no more.`;
  static override flags = {
    timeout: Flags.integer({
      char: 't',
      summary: 'seconds that each cluster may take to answer',
      default: 10,
      min: 1,
      helpValue: 'S',
    }),
  };
  static override examples = [
    { description: 'all', command: '<%= config.bin %> cluster ls' },
    { description: 'for a program', command: '<%= config.bin %> cluster ls --json' },
  ];

  async run(): Promise<ClusterSummary[]> {
    const context = await this.context();
    const clusters = await listClusters({ timeoutMs: this.flags.timeout * 1000 }, context);
    for (const { name, errors } of clusters)
      for (const error of errors) context.reporter.warn(`${name}: ${error}`);
    this.print(clusterTable(clusters));
    return clusters;
  }
}
