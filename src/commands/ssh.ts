import { hostFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Ssh extends HelpOnlyCommand {
  static override summary = 'a shell on a machine, or one command';
  static override usage = 'ssh NODE [COMMAND...]';
  static override flags = hostFlag;
  static override examples = [
    { description: 'a shell', command: '<%= config.bin %> ssh node1' },
    {
      description: 'one command, its words joined by spaces as ssh does',
      command: '<%= config.bin %> ssh node1 uptime',
    },
  ];
}
