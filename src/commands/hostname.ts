import { type BatchReport, reportOf } from '../app/batch-report.js';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument } from '../cli/flags.js';
import { type Renamed, setHostnames } from '../engine/set-hostnames.js';
import { renamedTable } from '../engine/views/engine-tables.js';
import { selectMachines } from '../machines/select-machines.js';

export default class Hostname extends BaseCommand<typeof Hostname> {
  static override summary = "Set each machine's hostname to its name";
  static override description =
    `For machines whose hostname was not set by belt. Engines do not restart. Swarms show the new hostname
within 20 seconds.`;
  static override usage = 'hostname NODES...';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = allFlag;
  static override examples = [
    { description: 'Set the hostnames of several machines', command: '<%= config.bin %> hostname node[1:3]' },
  ];

  async run(): Promise<BatchReport<Renamed & { name: string }>> {
    const context = await this.context();
    const machines = await selectMachines(this.words, context, { all: this.flags.all });
    const outcomes = await setHostnames(machines, context);
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (name, renamed) => ({ name, ...renamed }));
    this.print(renamedTable(report.ok));
    return report;
  }
}
