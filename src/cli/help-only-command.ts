import { Command, type Interfaces } from '@oclif/core';
import { globalFlags, reportFlags } from './flags.js';

/** Provides help and completion for a command that main.ts runs without the framework. */
export abstract class HelpOnlyCommand extends Command {
  static override baseFlags: Interfaces.FlagInput = globalFlags;
  static override strict = false;

  async run(): Promise<never> {
    throw new Error(`${this.id} reached the command framework`);
  }
}

/** For commands that report, such as `env`. */
export abstract class HelpOnlyReport extends HelpOnlyCommand {
  static override baseFlags = reportFlags;
}
