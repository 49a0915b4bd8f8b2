import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import { installPlugin, isLocal } from '../../plugins/install-plugin.js';
import type { Plugin } from '../../plugins/list-plugins.js';
import { pluginTable } from '../../plugins/views/plugin-table.js';

export default class PluginsInstall extends BaseCommand<typeof PluginsInstall> {
  static override summary = 'install an npm package with a driver';
  static override description =
    `A plugin is a program that runs with your rights: install what you trust. Installed again, it is brought up to date.`;
  static override args = {
    package: requiredArgument('name in the npm registry, with or without @VERSION; a URL, tarball or folder'),
  };
  static override examples = [
    {
      description: 'the newest of the registry',
      command: '<%= config.bin %> plugins install belt-driver-lxd',
    },
    {
      description: 'a tarball that "npm pack" made',
      command: '<%= config.bin %> plugins install ./belt-driver-lxd-1.0.0.tgz',
    },
  ];

  async run(): Promise<Plugin> {
    const { package: spec } = this.args;
    const where = isLocal(spec) ? await this.resolvePath(spec.replace(/^file:/, '')) : spec;
    const plugin = await installPlugin(where, await this.context());
    this.print(pluginTable([plugin]));
    return plugin;
  }
}
