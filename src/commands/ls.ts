import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { listMachines } from '../operations/machines/list.js';
import { type MachineSummary, summarize } from '../operations/machines/summary.js';
import { machineList } from '../ui/views/machines.js';

export default class Ls extends BaseCommand<typeof Ls> {
  static override summary = 'list the machines';
  static override flags = {
    quiet: Flags.boolean({ char: 'q', summary: 'names only' }),
  };
  static override examples = [
    { description: 'all machines of the cluster in use', command: '<%= config.bin %> ls' },
    { description: 'for scripts', command: '<%= config.bin %> ls --json' },
  ];

  async run(): Promise<MachineSummary[]> {
    const rows = (await listMachines(await this.context())).map(summarize);
    this.print(this.flags.quiet ? rows.map(({ name }) => name).join('\n') : machineList(rows));
    return rows;
  }
}
