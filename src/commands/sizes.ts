import { BaseCommand } from '../cli/base-command.js';
import { driverFlag } from '../cli/flags.js';
import { listSizes, type MachineSize } from '../machines/driver-catalogue.js';
import { sizeTable } from '../machines/views/machine-tables.js';

export default class Sizes extends BaseCommand<typeof Sizes> {
  static override summary = 'List the sizes that machines can have';
  static override description =
    `An amount of memory is always a size: the provider's cheapest one with at least that much. Prices are
shown where the provider's API has them.`;
  static override flags = driverFlag('Driver whose sizes to list');
  static override examples = [
    {
      description: 'List sizes and prices of droplets',
      command: '<%= config.bin %> sizes -d digitalocean',
    },
  ];

  async run(): Promise<MachineSize[]> {
    const context = await this.context();
    const driver = await context.settings.driver(this.flags.driver);
    const sizes = await listSizes(driver, context);
    this.printRows(sizes, sizeTable(sizes, { wide: this.wide }), { text: `No sizes (driver ${driver})` });
    return sizes;
  }
}
