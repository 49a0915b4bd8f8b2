import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import { installPlugin, isLocal } from '../../plugins/install-plugin.js';
import type { Plugin } from '../../plugins/list-plugins.js';
import { pluginTable } from '../../plugins/views/plugin-table.js';

export default class PluginsInstall extends BaseCommand<typeof PluginsInstall> {
  static override summary = 'Install or update a plugin';
  static override description =
    'A plugin is an npm package with a driver. It runs with your permissions: only install what you trust.';
  static override args = {
    package: requiredArgument('npm package, with or without @VERSION; URL, tarball or folder'),
  };
  static override examples = [
    {
      description: 'Install the latest version',
      command: '<%= config.bin %> plugins install belt-driver-lxd',
    },
    {
      description: 'Install a tarball from "npm pack"',
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
