import type { Command } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { observe } from '../machines/list-machines.js';
import type { Machine, MachineState } from '../machines/model/machine.js';
import { selectMachines } from '../machines/select-machines.js';
import type { GuardedBy } from '../swarm/quorum-guard.js';
import { BaseCommand } from './base-command.js';
import { allFlag, nodesArgument } from './flags.js';

/** docker-machine's words for what a command does, which scripts match on. */
export interface LifecycleWords {
  /** `Starting`: said of each machine before. */
  doing?: string;
  /** `was started`: said of each machine after. */
  done?: string;
  /** Said once after all. */
  advice?: string;
  /** The state in which nothing is left to do, as in `Machine "node1" is already running.` */
  already?: MachineState;
}

type Act = (machines: Machine[], context: Context) => Promise<Outcome<Machine>[]>;

const unguarded: GuardedBy = (_machines, _context, work) => work();

/** A command that does one thing to each of the machines named. */
export abstract class LifecycleCommand<T extends typeof Command> extends BaseCommand<T> {
  static override strict = false;
  static override args = nodesArgument;
  static override flags = allFlag;

  /**
   * Does it to the machines named, or without names to the one called `default`, and reports how each ended. Piped, stdout has
   * docker-machine's lines; on a terminal the progress says the same.
   * @param guard of those that are left to do
   */
  protected async change(
    all: boolean,
    words: LifecycleWords,
    act: Act,
    guard: GuardedBy = unguarded,
  ): Promise<BatchReport<string>> {
    const context = await this.context();
    const nodes = await this.namedOrDefault(all);
    const machines = await selectMachines(nodes, context, { all });
    const done = await this.tellDone(machines, words, context);
    const left = machines.filter(({ name }) => !done.has(name));
    const { doing, done: doneWord } = words;
    const report = await guard(left, context, () => {
      for (const { name } of left) if (doing) this.say(`${doing} "${name}"...`);
      return this.actOn(nodes, all, act);
    });
    for (const name of report.ok) if (doneWord && !done.has(name)) this.say(`Machine "${name}" ${doneWord}.`);
    if (words.advice && report.ok.some((name) => !done.has(name))) this.say(words.advice);
    return report;
  }

  /** Does it, as far as `guard` lets it, and reports how each machine ended. */
  protected async actOn(
    nodes: readonly string[],
    all: boolean,
    act: Act,
    guard: GuardedBy = unguarded,
  ): Promise<BatchReport<string>> {
    const context = await this.context();
    const machines = await selectMachines(nodes, context, { all });
    const outcomes = await guard(machines, context, () => act(machines, context));
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    return reportOf(outcomes, (name) => name);
  }

  /** A line of stdout for scripts. */
  protected say(line: string): void {
    if (!process.stdout.isTTY) this.log(line);
  }

  /** Machines that are already as they are to be: said, and no failure, so that a second run finishes what a first began. */
  private async tellDone(
    machines: readonly Machine[],
    { already }: LifecycleWords,
    context: Context,
  ): Promise<Set<string>> {
    if (already === undefined) return new Set();
    const rows = await observe(machines, context);
    const done = rows.filter(({ state }) => state === already).map(({ machine }) => machine.name);
    for (const name of done) context.reporter.note(`Machine "${name}" is already ${already}.`);
    return new Set(done);
  }
}
