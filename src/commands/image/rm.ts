import { BaseCommand } from '../../cli/base-command.js';
import { driverFlag, requiredArgument } from '../../cli/flags.js';
import { imageStoreOf } from '../../machines/driver-images.js';

export default class ImageRm extends BaseCommand<typeof ImageRm> {
  static override summary = 'Delete an unused base image or a snapshot';
  static override args = {
    name: requiredArgument('Name or ID of the image'),
  };
  static override flags = driverFlag('Driver of the images');
  static override examples = [
    { description: 'Delete a base image', command: '<%= config.bin %> image rm debian-13' },
  ];

  async run(): Promise<{ removed: string }> {
    const context = await this.context();
    const images = await imageStoreOf(await context.settings.driver(this.flags.driver), context);
    await images.remove(this.args.name, context.signal);
    this.print(this.args.name);
    return { removed: this.args.name };
  }
}
