import type { Command } from '@oclif/core';
import type { Machine } from '../machines/machine.js';
import type { Context } from '../operations/context.js';
import type { Outcome } from '../operations/fan-out.js';
import { selectMachines } from '../operations/machines/select.js';
import { type BatchReport, reportOf } from '../operations/machines/summary.js';
import { BaseCommand } from './base-command.js';
import { allFlag, nodesArgument } from './flags.js';

/** A command that does one thing to each of the machines named. */
export abstract class LifecycleCommand<T extends typeof Command> extends BaseCommand<T> {
  static override strict = false;
  static override args = nodesArgument;
  static override flags = allFlag;

  /** Does it, and reports how each machine ended. */
  protected async actOn(
    nodes: readonly string[],
    all: boolean,
    act: (machines: Machine[], context: Context) => Promise<Outcome<Machine>[]>,
  ): Promise<BatchReport<string>> {
    const context = await this.context();
    const outcomes = await act(await selectMachines(nodes, context, { all }), context);
    context.signal.throwIfAborted();
    this.settle(outcomes);
    return reportOf(outcomes, (name) => name);
  }
}
