import { BaseCommand } from '../cli/base-command.js';
import { driverFlag } from '../cli/flags.js';
import { listRegions, type ProviderRegion } from '../machines/driver-catalogue.js';
import { regionTable } from '../machines/views/machine-tables.js';

export default class Regions extends BaseCommand<typeof Regions> {
  static override summary = 'List the regions that machines can be in';
  static override flags = driverFlag('Driver whose regions to list');
  static override examples = [
    { description: 'List regions of EC2', command: '<%= config.bin %> regions -d amazonec2' },
    { description: 'Show only names', command: '<%= config.bin %> regions -d digitalocean -o name' },
  ];

  async run(): Promise<ProviderRegion[]> {
    const context = await this.context();
    const driver = await context.settings.driver(this.flags.driver);
    const regions = await listRegions(driver, context);
    this.printRows(regions, regionTable(regions), { text: `No regions (driver ${driver})` });
    return regions;
  }
}
