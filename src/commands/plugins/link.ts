import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import { linkPlugin } from '../../plugins/install-plugin.js';
import type { Plugin } from '../../plugins/list-plugins.js';
import { pluginTable } from '../../plugins/views/plugin-table.js';

export default class PluginsLink extends BaseCommand<typeof PluginsLink> {
  static override summary = 'use the driver in a folder that you work on';
  static override description =
    `Nothing is copied: what changes in the folder is there the next time belt starts. Its own dependencies are installed there by npm.`;
  static override args = {
    folder: requiredArgument('folder with the package.json of the driver'),
  };
  static override examples = [
    { description: 'the one in this folder', command: '<%= config.bin %> plugins link .' },
  ];

  async run(): Promise<Plugin> {
    const plugin = await linkPlugin(await this.resolvePath(this.args.folder), await this.context());
    this.print(pluginTable([plugin]));
    return plugin;
  }
}
