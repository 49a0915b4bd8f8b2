import { hostFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Compose extends HelpOnlyCommand {
  static override summary = 'Run docker compose for the active machine or for --host';
  static override description =
    `Same as "belt docker compose". The docker client of this computer reads the compose files here; if
there is none, docker on the machine runs instead and reads the machine's files.`;
  static override usage = 'compose [--host NODES] ARGS...';
  static override flags = hostFlag;
  static override examples = [
    {
      description: 'Start the services of compose.yaml in the current folder',
      command: '<%= config.bin %> compose up --detach',
    },
    { description: 'Use another machine', command: '<%= config.bin %> --host node2 compose ps' },
  ];
}
