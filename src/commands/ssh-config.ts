import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument } from '../cli/flags.js';
import {
  openSshConfigFor,
  type SshAddress,
  selectSshMachines,
  sshAddress,
} from '../machines/openssh-client.js';

export default class SshConfig extends BaseCommand<typeof SshConfig> {
  static override summary = 'Print OpenSSH client configuration for machines';
  static override description =
    `Without NODES, prints it for all machines. ssh, scp, rsync, VS Code and other programs that read
~/.ssh/config reach the machines by name, with their keys, pinned host keys and jump hosts, after one
line at the top of ~/.ssh/config:

  Include config.d/*

Print it again after machines were created, removed or have changed their addresses. It contains the
paths of keys, but no keys. Reads local records only; makes no network requests.`;
  static override usage = 'ssh-config [NODES...]';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = allFlag;
  static override examples = [
    {
      description: 'Let ssh and others know all machines',
      command: '<%= config.bin %> ssh-config > ~/.ssh/config.d/belt',
    },
    {
      description: 'Copy files with rsync',
      command: "<%= config.bin %> ssh-config node1 > belt.ssh && rsync -e 'ssh -F belt.ssh' -r site node1:",
    },
  ];

  async run(): Promise<SshAddress[]> {
    const context = await this.context();
    const machines = await selectSshMachines(this.words, context, { all: this.flags.all });
    this.print(await openSshConfigFor(machines, context));
    return machines.map(sshAddress);
  }
}
