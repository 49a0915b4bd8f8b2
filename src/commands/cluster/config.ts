import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type ClusterConfig, clusterConfig, configFlags, configYaml } from '../../clusters/cluster-config.js';

export default class ClusterConfigShow extends BaseCommand<typeof ClusterConfigShow> {
  static override summary = "Show the driver's effective settings, without secrets";
  static override description = 'Settings come from config.yml, .belt.yaml, the environment and defaults.';
  static override flags = {
    cmd: Flags.boolean({ char: 'c', summary: 'Print flags for "belt cluster new"' }),
  };
  static override examples = [
    { description: 'Print a section of config.yml', command: '<%= config.bin %> cluster config' },
    {
      description: 'Print a command line',
      command: '<%= config.bin %> cluster config --cmd',
    },
  ];

  async run(): Promise<ClusterConfig> {
    const config = await clusterConfig(await this.context());
    this.print(this.flags.cmd ? configFlags(config) : await configYaml(config));
    return config;
  }
}
