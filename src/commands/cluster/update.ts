import { BaseCommand } from '../../cli/base-command.js';
import { argument, driverFlag } from '../../cli/flags.js';
import { type UpdatedCluster, updateCluster } from '../../clusters/update-cluster.js';
import { diffText } from '../../ui/diff.js';

export default class ClusterUpdate extends BaseCommand<typeof ClusterUpdate> {
  static override summary = 'Change settings of the cluster in use';
  static override description =
    `Changes the given settings in config.yml, keeps everything else including comments, and shows the
difference. KEY= removes a setting. Existing machines are not changed.`;
  static override usage = 'cluster update [--driver DRIVER] KEY=VALUE...';
  static override strict = false;
  static override args = {
    settings: argument('Settings as KEY=VALUE, of the driver or of belt'),
  };
  static override flags = driverFlag();
  static override examples = [
    {
      description: 'Use another image for new machines',
      command: '<%= config.bin %> cluster update image=debian-12',
    },
    {
      description: 'Use another driver',
      command: '<%= config.bin %> cluster update --driver generic ssh_user=admin',
    },
    { description: 'Restore the default image', command: '<%= config.bin %> cluster update image=' },
  ];

  async run(): Promise<UpdatedCluster> {
    const context = await this.context();
    const updated = await updateCluster({ driver: this.flags.driver, definitions: this.words }, context);
    if (updated.changes.length === 0) context.reporter.note('No changes');
    this.print(diffText(updated.changes, { color: this.color }));
    return updated;
  }
}
