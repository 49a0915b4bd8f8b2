import { hostFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Docker extends HelpOnlyCommand {
  static override summary = 'run docker on the active machine, or on those of --host';
  static override description =
    `Everything after "docker" goes to the remote docker unchanged; what is typed or piped here, the window's size, Ctrl-C and the exit code pass through. "swarm init" and "swarm join" get the machine's own address as --advertise-addr unless they have one.`;
  static override usage = 'docker [--host NODES] ARGS...';
  static override flags = hostFlag;
  static override examples = [
    { description: 'client and server of the active machine', command: '<%= config.bin %> docker version' },
    { description: 'on another machine', command: '<%= config.bin %> --host node2 docker info' },
    {
      description: 'on several, each line with its machine',
      command: '<%= config.bin %> --host node[1:4] docker ps',
    },
  ];
}
