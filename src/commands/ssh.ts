import { hostFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Ssh extends HelpOnlyCommand {
  static override summary = 'Log in to a machine, or run a command on it';
  static override usage = 'ssh NODE [COMMAND...]';
  static override flags = hostFlag;
  static override examples = [
    { description: 'Open a shell', command: '<%= config.bin %> ssh node1' },
    {
      description: 'Run a command',
      command: '<%= config.bin %> ssh node1 uptime',
    },
  ];
}
