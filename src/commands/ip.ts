import { addressOf } from '../app/connect-ssh.js';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument } from '../cli/flags.js';
import { namedOrActive } from '../machines/default-machine.js';
import { selectMachines } from '../machines/select-machines.js';

export default class Ip extends BaseCommand<typeof Ip> {
  static override summary = 'Show the addresses of machines';
  static override usage = 'ip [NODES...]';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = allFlag;
  static override examples = [
    { description: 'Show one address', command: '<%= config.bin %> ip node2' },
    { description: 'Show one address per line', command: '<%= config.bin %> ip node[1:4]' },
  ];

  async run(): Promise<{ name: string; address: string }[]> {
    const context = await this.context();
    const { all } = this.flags;
    const nodes = all ? this.words : await namedOrActive(this.words, context.cluster);
    const machines = await selectMachines(nodes, context, { all });
    const rows = machines.map((machine) => ({ name: machine.name, address: addressOf(machine) }));
    this.print(rows.map(({ address }) => address).join('\n'));
    return rows;
  }
}
