import { hostFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Stack extends HelpOnlyCommand {
  static override summary = 'Run docker stack on a manager of the swarm';
  static override description =
    `Same as "belt docker stack", but on a manager, even if the active machine is a worker. The docker
client of this computer reads the compose files and your registry logins.`;
  static override usage = 'stack [--host NODE] deploy|ls|ps|services|rm ARGS...';
  static override flags = hostFlag;
  static override examples = [
    {
      description: 'Deploy a stack from a compose file of this computer',
      command: '<%= config.bin %> stack deploy --compose-file compose.yaml web',
    },
    { description: 'List the services of a stack', command: '<%= config.bin %> stack services web' },
  ];
}
