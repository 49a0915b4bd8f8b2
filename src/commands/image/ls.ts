import { BaseCommand } from '../../cli/base-command.js';
import { driverFlag } from '../../cli/flags.js';
import { type Image, imagesOf } from '../../machines/driver-images.js';
import { imageTable } from '../../machines/views/image-tables.js';

export default class ImageLs extends BaseCommand<typeof ImageLs> {
  static override summary = 'list the images of your own that machines start from';
  static override flags = driverFlag;
  static override description =
    'Base images on this computer, or with -d digitalocean or amazonec2 the snapshots there.';
  static override examples = [
    { description: 'those of this computer', command: '<%= config.bin %> image ls' },
    { description: 'snapshots', command: '<%= config.bin %> image ls -d digitalocean' },
  ];

  async run(): Promise<Image[]> {
    const context = await this.context();
    const images = await imagesOf(await context.settings.driver(this.flags.driver), context);
    const list = await images.list(context.signal);
    this.print(imageTable(list, new Date()));
    return list;
  }
}
