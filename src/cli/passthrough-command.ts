import type { Command } from '@oclif/core';
import { BaseCommand } from './base-command.js';

/**
 * The face of a passthrough command in help and completion. The command framework never runs it: `main.ts` hands such a command
 * line to `passthrough/` before the framework is loaded.
 */
export abstract class PassthroughCommand<T extends typeof Command> extends BaseCommand<T> {
  static override enableJsonFlag = false;
  static override strict = false;

  async run(): Promise<never> {
    throw new Error(`${this.id} came to the command framework`);
  }
}
