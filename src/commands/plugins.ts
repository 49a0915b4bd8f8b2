import { BaseCommand } from '../cli/base-command.js';
import { listPlugins, type Plugin } from '../plugins/list-plugins.js';
import { pluginTable } from '../plugins/views/plugin-table.js';

export default class Plugins extends BaseCommand<typeof Plugins> {
  static override summary = 'List installed plugins';
  static override description = 'A plugin is an npm package with a driver. See docs/writing-a-driver.md.';
  static override aliases = ['plugins:ls'];
  static override examples = [{ description: 'List all plugins', command: '<%= config.bin %> plugins' }];

  async run(): Promise<Plugin[]> {
    const plugins = await listPlugins(await this.context());
    this.printRows(plugins, pluginTable(plugins), {
      text: 'No plugins are installed',
      next: ['install one', 'belt plugins install PACKAGE'],
    });
    return plugins;
  }
}
