import { type BatchReport, reportOf } from '../app/batch-report.js';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, forceFlag, nodesArgument } from '../cli/flags.js';
import type { Upgraded } from '../engine/upgrade-engine.js';
import { upgradedTable } from '../engine/views/engine-tables.js';
import { selectMachines } from '../machines/select-machines.js';
import { upgradeMachines } from '../machines/upgrade-machines.js';

export default class Upgrade extends BaseCommand<typeof Upgrade> {
  static override summary = 'Upgrade engines from their package repositories';
  static override description = 'Stopped machines are started first, and keep running afterwards.';
  static override usage = 'upgrade [NODES...]';
  static override strict = false;
  static override resumes = true;
  static override args = nodesArgument;
  static override flags = { ...allFlag, ...forceFlag };
  static override examples = [
    { description: 'Upgrade one machine', command: '<%= config.bin %> upgrade node1' },
    { description: 'Upgrade several', command: '<%= config.bin %> upgrade node[1:3]' },
  ];

  async run(): Promise<BatchReport<Upgraded & { name: string }>> {
    const context = await this.context();
    const outcomes = await upgradeMachines(
      await selectMachines(await this.namedOrDefault(this.flags.all), context, { all: this.flags.all }),
      { force: this.flags.force },
      context,
    );
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (name, upgraded) => ({ name, ...upgraded }));
    this.print(upgradedTable(report.ok));
    return report;
  }
}
