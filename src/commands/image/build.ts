import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { argument, driverFlag } from '../../cli/flags.js';
import { buildImage, type Image, imagesOf } from '../../machines/driver-images.js';
import { imageTable } from '../../machines/views/image-tables.js';

export default class ImageBuild extends BaseCommand<typeof ImageBuild> {
  static override summary = 'build a base image unless it is there';
  static override description =
    '"belt create" does this by itself; building beforehand makes the first create fast.';
  static override args = {
    name: argument('the image; the default one if absent'),
  };
  static override flags = {
    ...driverFlag,
    force: Flags.boolean({ char: 'f', summary: 'build it anew' }),
  };
  static override examples = [{ description: 'the default image', command: '<%= config.bin %> image build' }];

  async run(): Promise<Image> {
    const context = await this.context();
    const { name } = this.args;
    const images = await imagesOf(await context.settings.driver(this.flags.driver), context);
    const image = await buildImage(
      { rebuild: this.flags.force, ...(name !== undefined && { name }) },
      images,
      context,
    );
    this.print(imageTable([image], new Date()));
    return image;
  }
}
