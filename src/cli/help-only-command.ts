import { Command, type Interfaces } from '@oclif/core';
import { globalFlags, reportFlags } from './flags.js';

/**
 * A command that exists for help and completion only: main.ts runs it before the framework is
 * loaded.
 */
export abstract class HelpOnlyCommand extends Command {
  static override baseFlags: Interfaces.FlagInput = globalFlags;
  static override strict = false;

  async run(): Promise<never> {
    throw new Error(`${this.id} reached the command framework`);
  }
}

/** One that reports, as `env`. */
export abstract class HelpOnlyReport extends HelpOnlyCommand {
  static override baseFlags = reportFlags;
}
