import { hostFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Docker extends HelpOnlyCommand {
  static override summary = 'Run docker for the active machine or for --host';
  static override description =
    `Everything after "docker" goes to docker unchanged. Input, window size, Ctrl-C and exit code pass
through. "swarm init" and "swarm join" get the machine's own address as --advertise-addr, unless
they have one.

If this computer has a docker client, it runs here, with the files and registry logins of this
computer, and connects over TLS or through SSH. Otherwise docker runs on the machine. The setting
docker_client chooses one (docs/docker.md).`;
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
    {
      description: 'Use any manager of the swarm',
      command: '<%= config.bin %> --host manager docker service ls',
    },
    {
      description: 'Build an image from the files in the current folder',
      command: '<%= config.bin %> docker build --tag web .',
    },
  ];
}
