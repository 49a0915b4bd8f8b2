import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument } from '../cli/flags.js';
import { selectMachines } from '../machines/select-machines.js';
import { type Snapshot as Made, snapshotMachines } from '../machines/snapshot-machines.js';
import { snapshotTable } from '../machines/views/image-tables.js';

export default class Snapshot extends BaseCommand<typeof Snapshot> {
  static override summary = "Create images (snapshots) from machines' disks";
  static override description =
    `Snapshots are taken while machines run: stop those whose disks must be consistent. To create machines
from a snapshot, use its name or ID as the driver's image setting. "belt image ls -d DRIVER" lists
snapshots, and "belt image rm -d DRIVER" deletes them. Nodes of a swarm are refused, since a copy would
join it a second time.`;
  static override strict = false;
  static override usage = 'snapshot NODES...';
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    name: Flags.string({
      summary: 'Name of the image; NAME-MACHINE for several machines',
      helpValue: 'NAME',
    }),
  };
  static override examples = [
    {
      description: 'Create an image of one machine',
      command: '<%= config.bin %> snapshot --name base-2026 node1',
    },
    { description: 'Create images named by date', command: '<%= config.bin %> snapshot node[1:2]' },
  ];

  async run(): Promise<BatchReport<Made>> {
    const context = await this.context();
    const { all, name } = this.flags;
    const machines = await selectMachines(this.words, context, { all });
    const outcomes = await snapshotMachines(machines, { name, now: new Date() }, context);
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (_, made) => made);
    if (report.ok.length > 0) this.print(snapshotTable(report.ok));
    return report;
  }
}
