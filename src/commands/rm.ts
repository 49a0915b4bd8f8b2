import { Flags } from '@oclif/core';
import type { BatchReport } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import { allFlag, yesFlag } from '../cli/flags.js';
import { LifecycleCommand } from '../cli/lifecycle-command.js';
import {
  forgetUnreadable,
  type Selection,
  selectWithUnreadable,
  unreadableError,
} from '../machines/damaged-records.js';
import { retireMachines } from '../swarm/remove-machines.js';
import { confirm } from '../ui/prompt.js';

export default class Rm extends LifecycleCommand<typeof Rm> {
  static override summary = 'destroy machines, with all that is on them';
  static override description =
    `Nodes of a swarm leave it first: they are drained, managers among them become workers one after the other, and
no entry stays behind. Without --force, nothing is removed that a swarm cannot do without. A cluster that goes altogether is
destroyed at once.`;
  static override usage = 'rm NODES...';
  static override flags = {
    ...allFlag,
    ...yesFlag,
    force: Flags.boolean({
      char: 'f',
      summary: 'do not ask, forget machines that cannot be destroyed, and take swarms even their quorum',
    }),
    timeout: Flags.integer({
      summary: 'wait so many seconds until what runs on a node of a swarm runs elsewhere',
      default: 60,
      min: 0,
      helpValue: 'S',
    }),
    'keep-engine-config': Flags.boolean({
      summary: 'leave adopted servers (driver generic) as belt has set them up',
    }),
  };
  static override examples = [
    { description: 'asks first', command: '<%= config.bin %> rm node4' },
    {
      description: 'two nodes, with more time to move',
      command: '<%= config.bin %> rm --timeout 300 node[3:4]',
    },
    {
      description: 'all machines of the cluster, without a question',
      command: '<%= config.bin %> rm --all --yes',
    },
  ];

  async run(): Promise<BatchReport<string>> {
    const { yes, force } = this.flags;
    const context = await this.context();
    const { machines, unreadable } = await this.selected(context);
    const names = machines.map(({ name }) => name);
    if (!(yes || force || (await this.agreed(names, context.signal))))
      return { ok: [], failed: [], skipped: names };
    const report = await this.retire(names, context);
    const forgotten = await forgetUnreadable(unreadable, context);
    const ok = [...report.ok, ...forgotten];
    for (const name of ok) this.say(`Successfully removed ${name}`);
    return { ...report, ok };
  }

  private async retire(names: readonly string[], context: Context): Promise<BatchReport<string>> {
    if (names.length === 0) return { ok: [], failed: [], skipped: [] };
    const { force, timeout, 'keep-engine-config': keepEngineConfig } = this.flags;
    return this.actOn(names, false, (machines) =>
      retireMachines(machines, { force, keepEngineConfig, drainMs: timeout * 1000 }, context),
    );
  }

  /** Without --force all that can be destroyed. @throws UserError for one that cannot, and is named */
  private async selected(context: Context): Promise<Selection> {
    const { all, force } = this.flags;
    const nodes = force ? await this.existing(context) : this.words;
    if (force && nodes.length === 0 && this.words.length > 0) return { machines: [], unreadable: [] };
    const selection = await selectWithUnreadable(nodes, context, { all });
    if (force) return selection;
    for (const entry of selection.unreadable) {
      if (!all) throw unreadableError(entry);
      context.reporter.warn(entry.error.message);
    }
    return { ...selection, unreadable: [] };
  }

  /** With --force, as in docker-machine, a machine that is not there is told of and no failure. */
  private async existing({ cluster, reporter }: Context): Promise<string[]> {
    const { machines, damaged } = await cluster.machines();
    const recorded = [...machines, ...damaged].map(({ name }) => name);
    const known = [...recorded, ...(await cluster.withoutRecord(this.words))];
    const missing = this.words.filter((word) => isPlainName(word) && !known.includes(word));
    for (const name of missing)
      reporter.warn(`Can't remove "${name}": Docker machine "${name}" does not exist`);
    return this.words.filter((word) => !missing.includes(word));
  }

  /** In docker-machine's words; its answer "no" is no failure. */
  private async agreed(names: readonly string[], signal: AbortSignal): Promise<boolean> {
    process.stderr.write(`About to remove ${names.join(', ')}\n`);
    process.stderr.write('WARNING: This action will delete both local reference and remote instance.\n');
    return confirm('Are you sure? (y/n): ', { input: process.stdin, output: process.stderr, signal });
  }
}

/** Neither a pattern nor a glob. */
function isPlainName(word: string): boolean {
  return !/[[\],*?]/.test(word);
}
