import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument } from '../cli/flags.js';
import { selectMachines } from '../machines/select-machines.js';
import { type Snapshot as Made, snapshotMachines } from '../machines/snapshot-machines.js';
import { snapshotTable } from '../machines/views/image-tables.js';

export default class Snapshot extends BaseCommand<typeof Snapshot> {
  static override summary = "keep machines' disks as images that new machines can start from";
  static override description =
    `The provider makes them while the machines run: stop those whose disks must be as after a shutdown. The driver's setting for images takes the name or the id; "belt image ls -d DRIVER" lists
them, "belt image rm -d DRIVER" deletes them. A node of a swarm would wake up as itself a second time: take snapshots of machines that are in none.`;
  static override strict = false;
  static override usage = 'snapshot NODES...';
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    name: Flags.string({
      summary: "the image's name; of several machines NAME-MACHINE each",
      helpValue: 'NAME',
    }),
  };
  static override examples = [
    { description: 'one machine', command: '<%= config.bin %> snapshot --name base-2026 node1' },
    { description: 'several, with the day in their names', command: '<%= config.bin %> snapshot node[1:2]' },
  ];

  async run(): Promise<BatchReport<Made>> {
    const context = await this.context();
    const { all, name } = this.flags;
    const machines = await selectMachines(this.words, context, { all });
    const outcomes = await snapshotMachines(machines, { name, now: new Date() }, context);
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (_, made) => made);
    this.print(snapshotTable(report.ok));
    return report;
  }
}
