import { Flags } from '@oclif/core';
import { argument } from '../cli/flags.js';
import { HelpOnlyReport } from '../cli/help-only-command.js';

export default class Config extends HelpOnlyReport {
  static override summary = 'the options with which a Docker client talks to a machine';
  static override description =
    'Without NODE it is the active machine, or else the one called "default". Nobody is asked over the network.';
  static override args = { node: argument('the machine') };
  static override flags = { swarm: Flags.boolean({ hidden: true }) };
  static override examples = [
    {
      description: 'with a Docker client of this computer',
      command: 'docker $(<%= config.bin %> config node1) ps',
    },
  ];
}
