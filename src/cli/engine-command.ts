import type { Command } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { Provisioned } from '../engine/provision-engine.js';
import { provisionedTable } from '../engine/views/engine-tables.js';
import type { Machine } from '../machines/model/machine.js';
import { selectMachines } from '../machines/select-machines.js';
import { BaseCommand } from './base-command.js';
import { allFlag, nodesArgument } from './flags.js';

export type EngineReport = BatchReport<Provisioned & { name: string }>;

export abstract class EngineCommand<T extends typeof Command> extends BaseCommand<T> {
  static override strict = false;
  static override resumes = true;
  static override args = nodesArgument;
  static override flags = allFlag;

  protected async setUp(
    nodes: readonly string[],
    all: boolean,
    act: (machines: Machine[], context: Context) => Promise<Outcome<Provisioned>[]>,
  ): Promise<EngineReport> {
    const context = await this.context();
    const outcomes = await act(await selectMachines(nodes, context, { all }), context);
    context.signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (name, provisioned) => ({ name, ...provisioned }));
    this.print(provisionedTable(report.ok));
    return report;
  }
}
