import { Flags } from '@oclif/core';
import type { BatchReport } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import { messageOf } from '../base/errors.js';
import { allFlag, timeoutFlag, yesFlag } from '../cli/flags.js';
import { LifecycleCommand, nothingDone } from '../cli/lifecycle-command.js';
import {
  damagedError,
  forgetDamaged,
  type Selection,
  selectWithDamaged,
} from '../machines/damaged-records.js';
import type { Machine } from '../machines/model/machine.js';
import { noMachines } from '../machines/select-machines.js';
import { removeSwarmMachines } from '../swarm/remove-machines.js';

export default class Rm extends LifecycleCommand<typeof Rm> {
  static override summary = 'Remove machines and all their data';
  static override description =
    `Swarm nodes leave their swarm first: they are drained, and managers are demoted one at a time. Refused
without --force if the swarm would lose its quorum. A whole cluster is removed at once.`;
  static override usage = 'rm NODES...';
  static override flags = {
    ...allFlag,
    ...yesFlag,
    force: Flags.boolean({
      char: 'f',
      summary: 'Skip confirmation, forget unreachable machines, and ignore swarm quorum',
    }),
    ...timeoutFlag('Timeout in seconds for moving tasks off a swarm node', 60, { min: 0 }),
    'keep-engine-config': Flags.boolean({
      summary: 'Keep the engine configuration of adopted servers (driver generic)',
    }),
  };
  static override examples = [
    { description: 'Remove a machine after confirmation', command: '<%= config.bin %> rm node4' },
    {
      description: 'Allow more time for moving tasks',
      command: '<%= config.bin %> rm --timeout 300 node[3:4]',
    },
    {
      description: 'Remove all machines without confirmation',
      command: '<%= config.bin %> rm --all --yes',
    },
  ];

  async run(): Promise<BatchReport<string>> {
    const { yes, force } = this.flags;
    const context = await this.context();
    const { machines, damaged } = await this.selected(context);
    if (machines.length + damaged.length === 0) return nothingDone;
    const names = machines.map(({ name }) => name);
    if (!(yes || force)) await this.confirmRemoval(names);
    const report = await this.retire(names, context);
    const forgotten = await forgetDamaged(damaged, context);
    const ok = [...report.ok, ...forgotten];
    for (const name of ok) this.printPiped(`Successfully removed ${name}`);
    const removed = machines.filter(({ name }) => report.ok.includes(name));
    if (removed.length > 0) await this.removeContexts(removed, context);
    return { ...report, ok };
  }

  /** Of the docker client, which would point at machines that no longer exist. */
  private async removeContexts(machines: readonly Machine[], context: Context): Promise<void> {
    const { dockerClient, hasDockerContexts } = await import('../cli/docker-client.js');
    if (!(await hasDockerContexts(await this.environment()))) return;
    const { removeContextsOf } = await import('../contexts/docker-contexts.js');
    try {
      const names = await removeContextsOf(machines, dockerClient, context);
      if (names.length > 0) context.reporter.note(`Removed docker contexts: ${names.join(', ')}`);
    } catch (error) {
      context.reporter.warn(`docker contexts were not removed: ${messageOf(error)}`);
    }
  }

  private async retire(names: readonly string[], context: Context): Promise<BatchReport<string>> {
    if (names.length === 0) return nothingDone;
    const { force, timeout, 'keep-engine-config': keepEngineConfig } = this.flags;
    return this.actOn(names, false, (machines) =>
      removeSwarmMachines(machines, { force, keepEngineConfig, drainMs: timeout * 1000 }, context),
    );
  }

  /** @throws UserError without --force if a machine cannot be removed */
  private async selected(context: Context): Promise<Selection> {
    const { all, force } = this.flags;
    const nodes = force ? await this.existing(context) : this.words;
    if (force && nodes.length === 0 && this.words.length > 0) return { machines: [], damaged: [] };
    const selection = await selectWithDamaged(nodes, context, { all });
    if (selection.machines.length + selection.damaged.length === 0) context.reporter.note(noMachines.text);
    if (force) return selection;
    for (const entry of selection.damaged) {
      if (!all) throw damagedError(entry);
      context.reporter.warn(entry.error.message);
    }
    return { ...selection, damaged: [] };
  }

  /** With --force, as in docker-machine, a missing machine only causes a warning. */
  private async existing({ cluster, reporter }: Context): Promise<string[]> {
    const { machines, damaged } = await cluster.machines();
    const recorded = [...machines, ...damaged].map(({ name }) => name);
    const known = [...recorded, ...(await cluster.foldersWithoutRecord(this.words))];
    const missing = this.words.filter((word) => isPlainName(word) && !known.includes(word));
    for (const name of missing)
      reporter.warn(`Can't remove "${name}": Docker machine "${name}" does not exist`);
    return this.words.filter((word) => !missing.includes(word));
  }

  private async confirmRemoval(names: readonly string[]): Promise<void> {
    this.explain(`About to remove ${names.join(', ')}`);
    this.explain('WARNING: This action will delete both local reference and remote instance.');
    await this.confirm('Are you sure?', 'removed');
  }
}

/** A plain name, without a pattern or a glob. */
function isPlainName(word: string): boolean {
  return !/[[\],*?!]/.test(word);
}
