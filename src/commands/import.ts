import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { importStore } from '../operations/import.js';
import { type BatchReport, reportOf } from '../operations/machines/summary.js';

export default class Import extends BaseCommand<typeof Import> {
  static override summary = "take over docker-machine's machines, where they are";
  static override description =
    `The store becomes a cluster in place: nothing is copied or moved, certificates and keys stay, and docker-machine can go on working with it. PATH is its folder: $MACHINE_STORAGE_PATH, or ~/.docker/machine.

Formats of all versions of docker-machine are read (0.1 to 0.16).`;
  static override args = { path: argument("docker-machine's store") };
  static override flags = {
    from: Flags.string({ summary: 'whose machines', options: ['docker-machine'], default: 'docker-machine' }),
    as: Flags.string({ summary: "the cluster's name", default: 'docker-machine', helpValue: 'NAME' }),
  };
  static override examples = [
    { description: 'take them over', command: '<%= config.bin %> import' },
    { description: 'and work with them from now on', command: '<%= config.bin %> use docker-machine' },
  ];

  async run(): Promise<BatchReport<string>> {
    const context = await this.context();
    const name = this.flags.as;
    const folder = await this.storePath(this.args.path);
    const outcomes = await importStore({ folder, name }, context);
    this.settle(outcomes);
    const report = reportOf(outcomes, (machine) => machine);
    this.print(report.ok.join('\n'));
    for (const { name: failed, error } of report.failed) context.reporter.warn(`${failed}: ${error}`);
    context.reporter.note(`the store is the cluster "${name}" now; work with it: belt use ${name}`);
    return report;
  }
}
