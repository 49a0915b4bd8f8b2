import { Flags } from '@oclif/core';
import { allFlag, yesFlag } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import type { Context } from '../operations/context.js';
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
    'keep-engine-config': Flags.boolean({
      summary: 'leave adopted servers (driver generic) as belt has set them up',
    }),
  };
  static override examples = [
    { description: 'asks first', command: '<%= config.bin %> rm node4' },
    {
      description: 'all machines of the cluster, without a question',
      command: '<%= config.bin %> rm --all --yes',
    },
  ];

  async run(): Promise<BatchReport<string>> {
    const { all, yes, force, 'keep-engine-config': keepEngineConfig } = this.flags;
    const context = await this.context();
    const nodes = force ? await this.existing(context) : this.words;
    if (force && !all && nodes.length === 0 && this.words.length > 0)
      return { ok: [], failed: [], skipped: [] };
    const names = (await selectMachines(nodes, context, { all })).map(({ name }) => name);
    if (!(yes || force || (await this.agreed(names)))) return { ok: [], failed: [], skipped: names };
    const report = await this.actOn(names, false, (machines) =>
      removeMachines(machines, { force, keepEngineConfig }, context),
    );
    for (const name of report.ok) this.say(`Successfully removed ${name}`);
    return report;
  }

  /** With --force, as in docker-machine, a machine that is not there is told of and no failure. */
  private async existing({ cluster, reporter }: Context): Promise<string[]> {
    const { machines, damaged } = await cluster.machines();
    const known = [...machines, ...damaged].map(({ name }) => name);
    const missing = this.words.filter((word) => isPlainName(word) && !known.includes(word));
    for (const name of missing)
      reporter.warn(`Can't remove "${name}": Docker machine "${name}" does not exist`);
    return this.words.filter((word) => !missing.includes(word));
  }

  /** In docker-machine's words; its answer "no" is no failure. */
  private async agreed(names: readonly string[]): Promise<boolean> {
    process.stderr.write(`About to remove ${names.join(', ')}\n`);
    process.stderr.write('WARNING: This action will delete both local reference and remote instance.\n');
    return confirm('Are you sure? (y/n): ', { input: process.stdin, output: process.stderr });
  }
}

/** Neither a pattern nor a glob. */
function isPlainName(word: string): boolean {
  return !/[[\],*?]/.test(word);
}
