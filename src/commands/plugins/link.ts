import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import { linkPlugin } from '../../plugins/install-plugin.js';
import type { Plugin } from '../../plugins/list-plugins.js';
import { pluginTable } from '../../plugins/views/plugin-table.js';

export default class PluginsLink extends BaseCommand<typeof PluginsLink> {
  static override summary = 'Link a plugin under development';
  static override description =
    `Nothing is copied: changes in the folder take effect the next time belt starts. Run npm install in the
folder yourself.`;
  static override args = {
    folder: requiredArgument('Folder with the package.json of the plugin'),
  };
  static override examples = [
    { description: 'Link the current folder', command: '<%= config.bin %> plugins link .' },
  ];

  async run(): Promise<Plugin> {
    const plugin = await linkPlugin(await this.resolvePath(this.args.folder), await this.context());
    this.print(pluginTable([plugin]));
    return plugin;
  }
}
