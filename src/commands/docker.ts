import { hostFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Docker extends HelpOnlyCommand {
  static override summary = 'Run docker on the active machine or on --host';
  static override description =
    `Everything after "docker" goes to the remote docker unchanged. Input, window size, Ctrl-C and exit
code pass through. "swarm init" and "swarm join" get the machine's own address as --advertise-addr,
unless they have one.`;
  static override usage = 'docker [--host NODES] ARGS...';
  static override flags = hostFlag;
  static override examples = [
    {
      description: 'Show the Docker version of the active machine',
      command: '<%= config.bin %> docker version',
    },
    { description: 'Use another machine', command: '<%= config.bin %> --host node2 docker info' },
    {
      description: 'Use several machines (each line is prefixed with its machine)',
      command: '<%= config.bin %> --host node[1:4] docker ps',
    },
  ];
}
