import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { type ClusterConfig, clusterConfig, configFlags, configYaml } from '../../clusters/cluster-config.js';

export default class ClusterConfigShow extends BaseCommand<typeof ClusterConfigShow> {
  static override summary = 'show the settings of the driver that are in effect, without secrets';
  static override description = 'As they come from config.yml, .belt.yaml, the environment and defaults.';
  static override flags = {
    cmd: Flags.boolean({ char: 'c', summary: 'as flags for "belt cluster new"' }),
  };
  static override examples = [
    { description: 'as a section of config.yml', command: '<%= config.bin %> cluster config' },
    {
      description: 'as a command line',
      command: '<%= config.bin %> cluster config --cmd',
    },
  ];

  async run(): Promise<ClusterConfig> {
    const config = await clusterConfig(await this.context());
    this.print(this.flags.cmd ? configFlags(config) : await configYaml(config));
    return config;
  }
}
