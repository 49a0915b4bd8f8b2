import { BaseCommand } from '../../cli/base-command.js';
import { driverFlag } from '../../cli/flags.js';
import { type Image, imagesOf } from '../../operations/images.js';
import { imageTable } from '../../ui/views/images.js';

export default class ImageLs extends BaseCommand<typeof ImageLs> {
  static override summary = 'list the base images on this computer';
  static override flags = driverFlag;
  static override examples = [{ description: 'all of them', command: '<%= config.bin %> image ls' }];

  async run(): Promise<Image[]> {
    const images = await imagesOf(await this.driverName(this.flags.driver), await this.context());
    const list = await images.list();
    this.print(imageTable(list, new Date()));
    return list;
  }
}
