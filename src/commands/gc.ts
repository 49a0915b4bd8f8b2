import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import { BaseCommand } from '../cli/base-command.js';
import { driverFlag, yesFlag } from '../cli/flags.js';
import { findLeftovers, type Leftovers, removeLeftovers } from '../machines/find-leftovers.js';
import { leftoverList } from '../machines/views/leftover-list.js';

export default class Gc extends BaseCommand<typeof Gc> {
  static override summary = 'Find and remove orphaned machines and stale records';
  static override description =
    `Interrupted commands, lost records and changes in the provider's console can leave both behind. belt
identifies its machines by the cluster ID, and asks before it removes anything. To restore lost
records, use "belt import --from DRIVER".

The exit code is 1 if a provider could not be queried.`;
  static override flags = {
    ...yesFlag,
    ...driverFlag('Driver whose provider is searched'),
    'dry-run': Flags.boolean({ summary: 'Show what would be removed, without removing it' }),
  };
  static override examples = [
    { description: 'Find leftovers and ask to remove them', command: '<%= config.bin %> gc' },
    { description: 'Only show leftovers', command: '<%= config.bin %> gc --dry-run' },
  ];

  async run(): Promise<(BatchReport<string> | { strays: string[]; gone: string[] }) & UnqueriedDrivers> {
    const context = await this.context();
    const driver = await context.settings.driver(this.flags.driver);
    const found = await findLeftovers([driver], context);
    const nothing = found.strays.length + found.gone.length === 0;
    this.print(leftoverList(found, { wide: this.wide }));
    if (found.notAsked.length > 0) this.fail();
    if (nothing || this.flags['dry-run']) return { ...namesOf(found), ...unqueriedDrivers(found) };
    if (!this.flags.yes) await this.confirmRemoval(found);
    const outcomes = await removeLeftovers(found, context);
    this.failUnlessOk(outcomes);
    return { ...reportOf(outcomes, (name) => name), ...unqueriedDrivers(found) };
  }

  private async confirmRemoval({ strays, gone }: Leftovers): Promise<void> {
    const parts = [
      ...(strays.length > 0 ? [`destroy ${strays.length} of them`] : []),
      ...(gone.length > 0 ? [`forget ${gone.length}`] : []),
    ];
    const text = parts.join(' and ');
    await this.confirm(`${text.charAt(0).toUpperCase()}${text.slice(1)}? (y/n): `, 'removed');
  }
}

interface UnqueriedDrivers {
  /** Drivers whose providers could not be queried. Default: none. */
  notAsked?: string[];
}

function unqueriedDrivers({ notAsked }: Leftovers): UnqueriedDrivers {
  return notAsked.length > 0 ? { notAsked } : {};
}

function namesOf({ strays, gone }: Leftovers): { strays: string[]; gone: string[] } {
  return { strays: strays.map(({ name }) => name), gone: gone.map(({ name }) => name) };
}
