import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { argument, driverFlag } from '../../cli/flags.js';
import { buildImage, type Image, imageStoreOf } from '../../machines/driver-images.js';
import { imageTable } from '../../machines/views/image-tables.js';

export default class ImageBuild extends BaseCommand<typeof ImageBuild> {
  static override summary = 'Build a base image unless it exists';
  static override description =
    '"belt create" builds a missing image. Build it in advance to make the first create fast.';
  static override args = {
    name: argument("Image to build (default: the driver's default image)"),
  };
  static override flags = {
    ...driverFlag('Driver of the images'),
    force: Flags.boolean({ char: 'f', summary: 'Rebuild an existing image' }),
  };
  static override examples = [
    { description: 'Build the default image', command: '<%= config.bin %> image build' },
  ];

  async run(): Promise<Image> {
    const context = await this.context();
    const { name } = this.args;
    const images = await imageStoreOf(await context.settings.driver(this.flags.driver), context);
    const image = await buildImage(
      { rebuild: this.flags.force, ...(name !== undefined && { name }) },
      images,
      context,
    );
    this.print(imageTable([image], new Date(), { wide: this.wide }));
    return image;
  }
}
