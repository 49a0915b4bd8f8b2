import { BaseCommand } from '../../cli/base-command.js';
import { driverFlag } from '../../cli/flags.js';
import { type Image, imageStoreOf } from '../../machines/driver-images.js';
import { imageTable } from '../../machines/views/image-tables.js';

export default class ImageLs extends BaseCommand<typeof ImageLs> {
  static override summary = 'List your own images';
  static override flags = driverFlag('Driver of the images');
  static override description =
    'Shows base images on this computer, or with -d digitalocean or amazonec2 the snapshots there.';
  static override examples = [
    { description: 'List base images', command: '<%= config.bin %> image ls' },
    { description: 'List snapshots', command: '<%= config.bin %> image ls -d digitalocean' },
  ];

  async run(): Promise<Image[]> {
    const context = await this.context();
    const driver = await context.settings.driver(this.flags.driver);
    const images = await imageStoreOf(driver, context);
    const list = await images.list(context.signal);
    this.printRows(list, imageTable(list, new Date(), { wide: this.wide }), {
      text: `No images of yours (driver ${driver})`,
      next: ['create one from a machine', `belt snapshot NODE`],
    });
    return list;
  }
}
