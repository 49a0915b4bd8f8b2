import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { driverFlag, requiredArgument } from '../../cli/flags.js';
import { type CreatedCluster, createCluster } from '../../clusters/create-cluster.js';

export default class ClusterNew extends BaseCommand<typeof ClusterNew> {
  static override summary =
    'begin a cluster, with settings, keys and machines of its own, and work with it from now on';
  static override args = {
    name: requiredArgument('what it is to be called'),
  };
  static override flags = {
    ...driverFlag,
    define: Flags.string({
      summary: 'a setting of the driver, for the config.yml of the cluster',
      helpValue: 'KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
  };
  static override examples = [
    {
      description: 'one of nspawn machines',
      command: '<%= config.bin %> cluster new --driver nspawn swarm2k',
    },
    {
      description: 'with a setting',
      command: '<%= config.bin %> cluster new --driver nspawn --define image=debian-12 swarm3k',
    },
  ];

  async run(): Promise<CreatedCluster> {
    const { driver, define: definitions = [] } = this.flags;
    const context = await this.context();
    const created = await createCluster({ name: this.args.name, driver, definitions }, context);
    this.print(created.cluster);
    context.reporter.note(
      `its settings are in ${created.path}; it is in use now (back: belt use ${context.cluster.name})`,
    );
    return created;
  }
}
