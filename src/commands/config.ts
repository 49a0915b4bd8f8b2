import { Flags } from '@oclif/core';
import { argument } from '../cli/flags.js';
import { HelpOnlyReport } from '../cli/help-only-command.js';

export default class Config extends HelpOnlyReport {
  static override summary = 'Print Docker client flags for a machine';
  static override description =
    `Without NODE, uses the active machine, or else the one named "default". Reads local records only;
makes no network requests.`;
  static override args = { node: argument('Machine') };
  static override flags = { swarm: Flags.boolean({ hidden: true }) };
  static override examples = [
    {
      description: 'Use the local Docker client',
      command: 'docker $(<%= config.bin %> config node1) ps',
    },
  ];
}
