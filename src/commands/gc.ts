import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import { BaseCommand } from '../cli/base-command.js';
import { driverFlag, yesFlag } from '../cli/flags.js';
import { findLeftovers, type Leftovers, removeLeftovers } from '../machines/find-leftovers.js';
import { leftoverList } from '../machines/views/leftover-list.js';
import { confirm, notAgreed } from '../ui/prompt.js';

export default class Gc extends BaseCommand<typeof Gc> {
  static override summary = 'find machines that no record knows, and records of machines that are gone';
  static override description =
    `An interrupted command, a lost record or somebody at the provider's own console can leave both. belt knows its machines there by the
cluster's id, and asks before it removes anything. Machines whose records are to come back: belt import --from DRIVER.

The exit code is 1 where a provider could not be asked: what is left over there is not known.`;
  static override flags = {
    ...yesFlag,
    ...driverFlag,
    'dry-run': Flags.boolean({ summary: 'only tell what was found' }),
  };
  static override examples = [
    { description: 'look, and be asked', command: '<%= config.bin %> gc' },
    { description: 'only look', command: '<%= config.bin %> gc --dry-run' },
  ];

  async run(): Promise<(BatchReport<string> | { strays: string[]; gone: string[] }) & Gaps> {
    const context = await this.context();
    const driver = await context.settings.driver(this.flags.driver);
    const found = await findLeftovers([driver], context);
    const nothing = found.strays.length + found.gone.length === 0;
    this.print(leftoverList(found));
    if (found.notAsked.length > 0) this.fail();
    if (nothing || this.flags['dry-run']) return { ...namesOf(found), ...gapsOf(found) };
    if (!(this.flags.yes || (await this.agreed(found)))) throw notAgreed('removed');
    const outcomes = await removeLeftovers(found, context);
    this.failUnlessOk(outcomes);
    return { ...reportOf(outcomes, (name) => name), ...gapsOf(found) };
  }

  private agreed({ strays, gone }: Leftovers): Promise<boolean> {
    const parts = [
      ...(strays.length > 0 ? [`destroy ${strays.length} of them`] : []),
      ...(gone.length > 0 ? [`forget ${gone.length}`] : []),
    ];
    const text = parts.join(' and ');
    return confirm(`${text.charAt(0).toUpperCase()}${text.slice(1)}? (y/n): `, {
      input: process.stdin,
      output: process.stderr,
    });
  }
}

interface Gaps {
  /** Drivers whose providers could not be asked; absent: all could. */
  notAsked?: string[];
}

function gapsOf({ notAsked }: Leftovers): Gaps {
  return notAsked.length > 0 ? { notAsked } : {};
}

function namesOf({ strays, gone }: Leftovers): { strays: string[]; gone: string[] } {
  return { strays: strays.map(({ name }) => name), gone: gone.map(({ name }) => name) };
}
