import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import type { Plugin } from '../../plugins/list-plugins.js';
import { uninstallPlugin } from '../../plugins/uninstall-plugin.js';

export default class PluginsUninstall extends BaseCommand<typeof PluginsUninstall> {
  static override summary = 'take a plugin away';
  static override description =
    'Refused while its driver has machines in any of your clusters, unless --force is given.';
  static override args = {
    plugin: requiredArgument('the package, or its driver'),
  };
  static override flags = {
    force: Flags.boolean({ char: 'f', summary: 'though its driver has machines: belt only lists them then' }),
  };
  static override examples = [
    { description: 'by its package', command: '<%= config.bin %> plugins uninstall belt-driver-lxd' },
    { description: 'by its driver', command: '<%= config.bin %> plugins uninstall lxd' },
  ];

  async run(): Promise<Plugin> {
    const plugin = await uninstallPlugin(this.args.plugin, { force: this.flags.force }, await this.context());
    this.print(plugin.package ?? plugin.driver);
    return plugin;
  }
}
