import { Flags } from '@oclif/core';
import { allFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Exec extends HelpOnlyCommand {
  static override summary = 'run a command on machines';
  static override description =
    `One word after the machines is a line for the remote shell; several are a command with its arguments, each kept as it is. On several machines each line comes with the name of its machine; the exit code is 1 when it failed on any.`;
  static override usage = 'exec NODES -- COMMAND...';
  static override flags = {
    ...allFlag,
    limit: Flags.integer({
      summary: 'how many machines at the same time',
      default: 64,
      min: 1,
      helpValue: 'N',
    }),
  };
  static override examples = [
    { description: 'a command with arguments', command: '<%= config.bin %> exec node[1:4] -- uname -r' },
    { description: 'a line for the shell', command: "<%= config.bin %> exec node1 -- 'df -h / | tail -1'" },
  ];
}
