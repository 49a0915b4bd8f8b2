import type { Command, Interfaces } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Outcome } from '../app/fan-out.js';
import { BaseCommand } from './base-command.js';
import { exceptFlag } from './flags.js';

/** Changes nodes of a swarm and prints docker's message for each. */
export abstract class NodeCommand<T extends typeof Command> extends BaseCommand<T> {
  static override strict = false;
  static override flags: Interfaces.FlagInput = exceptFlag;

  /** @param named docker's message does not include the node's name */
  protected async report<V extends { message: string }>(
    outcomes: readonly Outcome<V>[],
    { named = false } = {},
  ): Promise<BatchReport<V & { name: string }>> {
    (await this.context()).signal.throwIfAborted();
    this.failUnlessOk(outcomes);
    for (const outcome of outcomes) {
      if (outcome.status !== 'ok') continue;
      const { name, value } = outcome;
      this.print(named ? `${name}: ${value.message}` : value.message);
    }
    return reportOf(outcomes, (name, value) => ({ name, ...value }));
  }
}
