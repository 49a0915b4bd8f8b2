import { Flags } from '@oclif/core';
import { allFlag, yesFlag } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import { removeMachines } from '../operations/machines/lifecycle.js';
import { selectMachines } from '../operations/machines/select.js';
import type { BatchReport } from '../operations/machines/summary.js';
import { confirm } from '../ui/prompt.js';

export default class Rm extends LifecycleCommand<typeof Rm> {
  static override summary = 'destroy machines, with all that is on them';
  static override usage = 'rm NODES...';
  static override flags = {
    ...allFlag,
    ...yesFlag,
    force: Flags.boolean({ char: 'f', summary: 'do not ask, and forget machines that cannot be destroyed' }),
  };
  static override examples = [
    { description: 'asks first', command: '<%= config.bin %> rm node4' },
    {
      description: 'all machines of the cluster, without a question',
      command: '<%= config.bin %> rm --all --yes',
    },
  ];

  async run(): Promise<BatchReport<string>> {
    const { all, yes, force } = this.flags;
    const context = await this.context();
    const names = (await selectMachines(this.words, context, { all })).map(({ name }) => name);
    if (!(yes || force || (await this.agreed(names)))) return { ok: [], failed: [], skipped: names };
    return this.actOn(names, false, (machines) => removeMachines(machines, { force }, context));
  }

  /** In docker-machine's words; its answer "no" is no failure. */
  private async agreed(names: readonly string[]): Promise<boolean> {
    process.stderr.write(`About to remove ${names.join(', ')}\n`);
    process.stderr.write('WARNING: This action will delete both local reference and remote instance.\n');
    return confirm('Are you sure? (y/n): ', { input: process.stdin, output: process.stderr });
  }
}
