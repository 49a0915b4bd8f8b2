import { Flags } from '@oclif/core';
import { argument } from '../cli/flags.js';
import { HelpOnlyReport } from '../cli/help-only-command.js';

export default class Env extends HelpOnlyReport {
  static override summary = 'the variables with which a Docker client talks to a machine';
  static override description =
    'Prints lines for the shell of $SHELL, or of --shell. Without NODE it is the active machine, or else the one called "default". Nobody is asked over the network.';
  static override args = { node: argument('the machine') };
  static override flags = {
    shell: Flags.string({
      summary: 'bash, zsh, sh, fish, powershell, cmd, tcsh or emacs',
      helpValue: 'SHELL',
    }),
    unset: Flags.boolean({ char: 'u', summary: 'unset the variables' }),
    'no-proxy': Flags.boolean({ summary: "add the machine's address to NO_PROXY (with -u, take it out)" }),
    swarm: Flags.boolean({ hidden: true }),
  };
  static override examples = [
    { description: 'for bash and its kin', command: 'eval $(<%= config.bin %> env node1)' },
    { description: 'for fish', command: '<%= config.bin %> env --shell fish node1 | source' },
    { description: 'and back', command: 'eval $(<%= config.bin %> env -u)' },
  ];
}
