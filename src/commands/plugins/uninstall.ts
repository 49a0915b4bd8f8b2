import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import type { Plugin } from '../../plugins/list-plugins.js';
import { uninstallPlugin } from '../../plugins/uninstall-plugin.js';

export default class PluginsUninstall extends BaseCommand<typeof PluginsUninstall> {
  static override summary = 'Uninstall a plugin';
  static override description = 'Refused while its driver has machines in any cluster, unless --force.';
  static override args = {
    plugin: requiredArgument('Package or driver'),
  };
  static override flags = {
    force: Flags.boolean({
      char: 'f',
      summary: 'Uninstall even if the driver has machines (belt can then only list them)',
    }),
  };
  static override examples = [
    { description: 'Uninstall by package', command: '<%= config.bin %> plugins uninstall belt-driver-lxd' },
    { description: 'Uninstall by driver', command: '<%= config.bin %> plugins uninstall lxd' },
  ];

  async run(): Promise<Plugin> {
    const plugin = await uninstallPlugin(this.args.plugin, { force: this.flags.force }, await this.context());
    this.print(plugin.package ?? plugin.driver);
    return plugin;
  }
}
