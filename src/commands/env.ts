import { Flags } from '@oclif/core';
import { argument } from '../cli/flags.js';
import { HelpOnlyReport } from '../cli/help-only-command.js';

export default class Env extends HelpOnlyReport {
  static override summary = 'Print environment variables for the Docker client';
  static override description =
    `Prints lines for the shell in $SHELL, or in --shell. Without NODE, uses the active machine, or else the one named "default". Reads local records only;
makes no network requests.`;
  static override args = { node: argument('Machine') };
  static override flags = {
    shell: Flags.string({
      summary: 'Shell: bash, zsh, sh, fish, powershell, cmd, tcsh or emacs',
      helpValue: 'SHELL',
    }),
    unset: Flags.boolean({ char: 'u', summary: 'Unset the variables' }),
    'no-proxy': Flags.boolean({ summary: "Add the machine's address to NO_PROXY (with -u, remove it)" }),
    swarm: Flags.boolean({ hidden: true }),
  };
  static override examples = [
    { description: 'In bash and similar shells', command: 'eval $(<%= config.bin %> env node1)' },
    { description: 'In fish', command: '<%= config.bin %> env --shell fish node1 | source' },
    { description: 'Unset the variables', command: 'eval $(<%= config.bin %> env -u)' },
  ];
}
