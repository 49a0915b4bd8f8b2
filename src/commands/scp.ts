import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { argument, globalFlags } from '../cli/flags.js';
import { requireProgram } from '../cli/require-program.js';
import { runProgram } from '../cli/run-program.js';
import { copyCall, machinesInPaths, parseCopyPaths, requireRemoteRsync } from '../machines/copy-files.js';
import { findWithoutSftp, runOverSsh } from '../machines/openssh-client.js';

/** rsync's, when it sends and receives; 12 has other causes too. */
const missingRsyncCodes = [12, 127];

/** scp's, when the server refuses the SFTP subsystem; both have other causes too. */
const sftpFailureCodes = [1, 255];

export default class Scp extends BaseCommand<typeof Scp> {
  static override baseFlags = globalFlags;
  static override summary = 'Copy files to, from and between machines';
  static override description =
    `Runs the system's scp, or rsync with --delta, with belt's keys and known hosts, and returns its exit
code. localhost:PATH is a local path.`;
  static override usage = 'scp [-r] [-d] [-q] [[USER@]NODE:]PATH... [[USER@]NODE:]PATH';
  static override strict = false;
  static override args = {
    source: argument('Files to copy: local paths, or [USER@]NODE:PATH'),
    target: argument('Where to copy them to: a local path, or [USER@]NODE:PATH'),
  };
  static override flags = {
    recursive: Flags.boolean({ char: 'r', summary: 'Copy folders recursively' }),
    delta: Flags.boolean({ char: 'd', summary: 'Send only the differences, with rsync' }),
    quiet: Flags.boolean({ char: 'q', summary: 'Show no progress' }),
  };
  static override examples = [
    { description: 'Copy to a machine', command: '<%= config.bin %> scp compose.yml node1:/root/' },
    { description: 'Copy between machines', command: '<%= config.bin %> scp -r node1:/data node2:/' },
  ];

  async run(): Promise<void> {
    const context = await this.context();
    const { recursive, delta, quiet } = this.flags;
    const places = await parseCopyPaths(this.words, context);
    // Rejects bad paths before anything is written.
    const { program } = copyCall(places, { recursive, delta, quiet }, '');
    await requireProgram(
      [program],
      await this.environment(),
      delta
        ? 'You must have a copy of the rsync binary locally to use the --delta option'
        : 'You must have a copy of the scp binary locally to use the scp feature',
    );
    const machines = machinesInPaths(places);
    const copy = (oldProtocol: boolean) => {
      const call = (path: string) => copyCall(places, { recursive, delta, quiet, oldProtocol }, path);
      return runOverSsh(machines, call, runProgram, context);
    };
    let code = await copy(false);
    if (!delta && sftpFailureCodes.includes(code)) {
      const lacking = await findWithoutSftp(machines, context);
      if (lacking.length > 0) {
        context.reporter.warn(`${lacking.join(', ')}: no SFTP server, so belt copies with "scp -O"`);
        code = await copy(true);
      }
    }
    if (delta && missingRsyncCodes.includes(code))
      for (const machine of machines) await requireRemoteRsync(machine, context);
    process.exitCode = code;
  }
}
