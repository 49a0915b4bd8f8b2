import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { driverFlag, requiredArgument } from '../../cli/flags.js';
import { type CreatedCluster, createCluster } from '../../clusters/create-cluster.js';

export default class ClusterNew extends BaseCommand<typeof ClusterNew> {
  static override summary = 'Create a cluster and switch to it';
  static override args = {
    name: requiredArgument('Name of the new cluster'),
  };
  static override flags = {
    ...driverFlag(),
    define: Flags.string({
      summary: 'Driver setting for config.yml',
      helpValue: 'KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
  };
  static override examples = [
    {
      description: 'Create a cluster of nspawn machines',
      command: '<%= config.bin %> cluster new --driver nspawn swarm2k',
    },
    {
      description: 'Set the image of its machines',
      command: '<%= config.bin %> cluster new --driver nspawn --define image=debian-12 swarm3k',
    },
  ];

  async run(): Promise<CreatedCluster> {
    const { driver, define: definitions = [] } = this.flags;
    const context = await this.context();
    const created = await createCluster({ name: this.args.name, driver, definitions }, context);
    this.print(created.cluster);
    context.reporter.note(
      `Created ${created.path} and switched to it; to switch back: belt use ${context.cluster.name}`,
    );
    return created;
  }
}
