import { Flags } from '@oclif/core';
import { UsageError } from '../base/errors.js';
import { BaseCommand } from '../cli/base-command.js';
import { argument, globalFlags } from '../cli/flags.js';
import { requireProgram } from '../cli/require-program.js';
import { runProgram } from '../cli/run-program.js';
import { machinesInPaths, mountCall, parseCopyPaths, unmountCall } from '../machines/copy-files.js';
import { runOverSsh } from '../machines/openssh-client.js';

export default class Mount extends BaseCommand<typeof Mount> {
  static override baseFlags = globalFlags;
  static override summary = "Mount a machine's folder on this computer with sshfs";
  static override usage = 'mount [-u] [[USER@]NODE:]PATH [MOUNTPOINT]';
  static override args = {
    place: argument('Folder on a machine, as [USER@]NODE:PATH'),
    mountpoint: argument('Local folder (default: the same path)'),
  };
  static override flags = {
    unmount: Flags.boolean({ char: 'u', summary: 'Unmount instead of mounting' }),
  };
  static override examples = [
    { description: 'Mount a folder', command: '<%= config.bin %> mount node1:/srv /mnt/srv' },
    { description: 'Unmount it', command: '<%= config.bin %> mount -u node1:/srv /mnt/srv' },
  ];

  async run(): Promise<void> {
    const { place: text, mountpoint } = this.args;
    if (text === undefined)
      throw new UsageError('missing argument: [USER@]NODE:PATH', {
        hint: 'belt mount [[user@]machine:]path [mountpoint]',
      });
    const context = await this.context();
    const [place = { path: text }] = await parseCopyPaths(
      [text.includes(':') ? text : `default:${text}`],
      context,
    );
    const target = mountpoint ?? place.path;
    if (this.flags.unmount) {
      const program = await requireProgram(
        ['fusermount', 'fusermount3'],
        await this.environment(),
        'You must have a copy of the fusermount binary locally to use the unmount option',
      );
      process.exitCode = await runProgram(unmountCall(target, program));
      return;
    }
    await requireProgram(
      ['sshfs'],
      await this.environment(),
      'You must have a copy of the sshfs binary locally to use the mount feature',
    );
    const call = (path: string) => mountCall(place, target, path);
    process.exitCode = await runOverSsh(machinesInPaths([place]), call, runProgram, context);
  }
}
