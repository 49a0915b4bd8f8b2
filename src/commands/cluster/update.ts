import { BaseCommand } from '../../cli/base-command.js';
import { argument, driverFlag } from '../../cli/flags.js';
import { type UpdatedCluster, updateCluster } from '../../clusters/update-cluster.js';
import { diffText } from '../../ui/diff.js';

export default class ClusterUpdate extends BaseCommand<typeof ClusterUpdate> {
  static override summary = 'change settings of the cluster in use, and show the change';
  static override description =
    `Changes config.yml and nothing else in it: comments and the way it is written stay. KEY= takes a setting out. What is there already
is not changed by it: settings are for machines to be made.`;
  static override usage = 'cluster update [--driver DRIVER] KEY=VALUE...';
  static override strict = false;
  static override args = {
    settings: argument('KEY=VALUE, of the driver or general'),
  };
  static override flags = driverFlag;
  static override examples = [
    {
      description: 'another image for new machines',
      command: '<%= config.bin %> cluster update image=debian-12',
    },
    {
      description: 'another driver',
      command: '<%= config.bin %> cluster update --driver generic ssh_user=admin',
    },
    { description: 'the default again', command: '<%= config.bin %> cluster update image=' },
  ];

  async run(): Promise<UpdatedCluster> {
    const context = await this.context();
    const updated = await updateCluster({ driver: this.flags.driver, definitions: this.words }, context);
    if (updated.changes.length === 0) context.reporter.note('no change');
    this.print(diffText(updated.changes, { color: this.color }));
    return updated;
  }
}
