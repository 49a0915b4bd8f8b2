import { Flags } from '@oclif/core';
import { allFlag } from '../cli/flags.js';
import { HelpOnlyCommand } from '../cli/help-only-command.js';

export default class Exec extends HelpOnlyCommand {
  static override summary = 'Run a command on machines';
  static override description =
    `A single word after "--" is a line for the remote shell. Several words are a command and its arguments.
On several machines, each line is prefixed with its machine, and the exit code is 1 if the command
failed on any.`;
  static override usage = 'exec NODES -- COMMAND...';
  static override flags = {
    ...allFlag,
    limit: Flags.integer({
      summary: 'Maximum number of machines at a time',
      default: 64,
      min: 1,
      helpValue: 'N',
    }),
  };
  static override examples = [
    { description: 'Run a command with arguments', command: '<%= config.bin %> exec node[1:4] -- uname -r' },
    { description: 'Run a shell line', command: "<%= config.bin %> exec node1 -- 'df -h / | tail -1'" },
  ];
}
