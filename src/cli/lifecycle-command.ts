import type { Command } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { observe } from '../machines/list-machines.js';
import type { Machine, MachineState } from '../machines/model/machine.js';
import { selectMachines } from '../machines/select-machines.js';
import type { QuorumGuard } from '../swarm/quorum-guard.js';
import { BaseCommand } from './base-command.js';
import { allFlag, nodesArgument } from './flags.js';

/** docker-machine's messages of a command, which scripts match. */
interface LifecycleMessages {
  /** `Starting`: printed for each machine before the work. */
  doing?: string;
  /** `was started`: printed for each machine after the work. */
  done?: string;
  /** Printed once at the end. */
  advice?: string;
  /** The state that needs no work: `Machine "node1" is already running.` */
  already?: MachineState;
}

type Act = (machines: Machine[], context: Context) => Promise<Outcome<Machine>[]>;

/** As the cluster has no machines. */
export const nothingDone: BatchReport<string> = { ok: [], failed: [], skipped: [] };

const noGuard: QuorumGuard = (_machines, _context, work) => work();

/** Does one thing to each selected machine. */
export abstract class LifecycleCommand<T extends typeof Command> extends BaseCommand<T> {
  static override strict = false;
  static override resumes = true;
  static override args = nodesArgument;
  static override flags = allFlag;

  /**
   * Changes the selected machines, or `default` without names. Prints docker-machine's lines if
   * piped; on a terminal the progress shows the same.
   * @param guard applies to the machines that need work
   */
  protected async change(
    all: boolean,
    words: LifecycleMessages,
    act: Act,
    guard: QuorumGuard = noGuard,
  ): Promise<BatchReport<string>> {
    const context = await this.context();
    const nodes = await this.namedOrDefault(all);
    const machines = await selectMachines(nodes, context, { all });
    if (machines.length === 0) return nothingDone;
    const done = await this.reportDone(machines, words, context);
    const pending = machines.filter(({ name }) => !done.has(name));
    const { doing, done: doneText } = words;
    const report = await guard(pending, context, () => {
      for (const { name } of pending) if (doing) this.printPiped(`${doing} "${name}"...`);
      return this.actOn(nodes, all, act);
    });
    for (const name of report.ok)
      if (doneText && !done.has(name)) this.printPiped(`Machine "${name}" ${doneText}.`);
    if (words.advice && report.ok.some((name) => !done.has(name))) this.printPiped(words.advice);
    return report;
  }

  /** Changes the machines if `guard` permits. */
  protected async actOn(
    nodes: readonly string[],
    all: boolean,
    act: Act,
    guard: QuorumGuard = noGuard,
  ): Promise<BatchReport<string>> {
    const context = await this.context();
    const machines = await selectMachines(nodes, context, { all });
    const outcomes = await guard(machines, context, () => act(machines, context));
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    return reportOf(outcomes, (name) => name);
  }

  /** For scripts. */
  protected printPiped(line: string): void {
    if (!process.stdout.isTTY) this.print(line);
  }

  /** Machines that are already in the wanted state succeed, so that a rerun resumes. */
  private async reportDone(
    machines: readonly Machine[],
    { already }: LifecycleMessages,
    context: Context,
  ): Promise<Set<string>> {
    if (already === undefined) return new Set();
    const rows = await observe(machines, context);
    const done = rows.filter(({ state }) => state === already).map(({ machine }) => machine.name);
    for (const name of done) context.reporter.note(`Machine "${name}" is already ${already}.`);
    return new Set(done);
  }
}
