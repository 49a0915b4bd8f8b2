import { hostFlag } from '../cli/flags.js';
import { PassthroughCommand } from '../cli/passthrough-command.js';

export default class Ssh extends PassthroughCommand<typeof Ssh> {
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
