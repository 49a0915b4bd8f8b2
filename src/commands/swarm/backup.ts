import { Flags } from '@oclif/core';
import { UsageError } from '../../base/errors.js';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument } from '../../cli/flags.js';
import { backupSwarm, type SwarmBackup } from '../../swarm/recovery/backup-swarm.js';
import { backupText } from '../../swarm/views/recovery-texts.js';

export default class Backup extends BaseCommand<typeof Backup> {
  static override summary = "Back up a swarm's state, with its secrets and keys, to a file";
  static override description =
    `Stops the engine of one manager, and its containers, for a few seconds. belt picks a manager that is
not the leader: a drained one if possible, or else the one with the fewest tasks. Refused if the
swarm would lose its quorum. The file contains the swarm's secrets. A locked swarm can only be
restored with its unlock key, which is not in the file.`;
  static override usage = 'swarm backup FILE [--node NODE] [--force]';
  static override args = { file: requiredArgument('Output file; - for stdout') };
  static override flags = {
    node: Flags.string({ summary: 'Manager to take the backup from', helpValue: 'NODE' }),
    force: Flags.boolean({ summary: 'Back up even if the swarm loses its quorum' }),
  };
  static override examples = [
    { description: 'Back up to a file', command: '<%= config.bin %> swarm backup swarm.tar.gz' },
    {
      description: 'Encrypt the backup',
      command: '<%= config.bin %> swarm backup - | openssl enc -aes-256-cbc -pbkdf2 -out swarm.tar.gz.enc',
    },
  ];

  async run(): Promise<SwarmBackup> {
    const { file } = this.args;
    const { node, force } = this.flags;
    const toStdout = file === '-';
    if (toStdout && this.jsonEnabled())
      throw new UsageError(`--output ${this.output.format} and the backup would both go to stdout`, {
        hint: 'belt swarm backup FILE',
      });
    if (toStdout && process.stdout.isTTY)
      throw new UsageError('refusing to write a backup to a terminal', { hint: 'belt swarm backup FILE' });
    const context = await this.context();
    const to = toStdout ? process.stdout : await this.resolvePath(file);
    const result = await backupSwarm({ to, node, force, beltVersion: this.config.version }, context);
    if (result.autolock)
      context.reporter.warn(
        'the backup cannot be restored without the unlock key, which it does not contain',
      );
    if (!toStdout) this.print(backupText(result));
    return result;
  }
}
