import { Flags } from '@oclif/core';
import { UsageError } from '../../base/errors.js';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import { type BackedUp, backupSwarm } from '../../swarm/recovery/backup-swarm.js';
import { backupText } from '../../swarm/views/recovery-texts.js';

export default class Backup extends BaseCommand<typeof Backup> {
  static override summary = "copy the swarm's state, with its secrets and keys, into a file";
  static override description =
    `The engine of one manager stands still for some seconds, and the containers on it stop: a manager that does not lead, drained if
there is one, otherwise the one with the fewest tasks. Refused when the swarm would lose its quorum meanwhile. Whoever has the file has the
swarm's secrets. A swarm that locks its managers cannot be restored without its unlock key, which is not in the file.`;
  static override usage = 'swarm backup FILE [--node NODE] [--force]';
  static override args = { file: requiredArgument('where to; - for stdout') };
  static override flags = {
    node: Flags.string({ summary: 'the manager to take it from', helpValue: 'NODE' }),
    force: Flags.boolean({ summary: 'do it even where the swarm has no quorum meanwhile' }),
  };
  static override examples = [
    { description: 'into a file', command: '<%= config.bin %> swarm backup swarm.tar.gz' },
    {
      description: 'encrypted, and nothing in the clear on this disk',
      command: '<%= config.bin %> swarm backup - | openssl enc -aes-256-cbc -pbkdf2 -out swarm.tar.gz.enc',
    },
  ];

  async run(): Promise<BackedUp> {
    const { file } = this.args;
    const { node, force } = this.flags;
    const toStdout = file === '-';
    if (toStdout && this.jsonEnabled())
      throw new UsageError('--json and the backup would both go to stdout', { hint: 'name a file' });
    if (toStdout && process.stdout.isTTY)
      throw new UsageError('a backup is nothing for a terminal', {
        hint: 'belt swarm backup FILE; or hand it to a program: belt swarm backup - | ...',
      });
    const context = await this.context();
    const to = toStdout ? process.stdout : await this.resolvePath(file);
    const result = await backupSwarm({ to, node, force, beltVersion: this.config.version }, context);
    if (result.autolock)
      context.reporter.warn(
        'the backup is of no use without the unlock key, which is not in it: keep that elsewhere',
      );
    if (!toStdout) this.print(backupText(result));
    return result;
  }
}
