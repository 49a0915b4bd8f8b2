import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import { plural } from '../base/plural.js';
import { BaseCommand } from '../cli/base-command.js';
import { driverFlag, yesFlag } from '../cli/flags.js';
import { findLeftovers, type Leftovers, removeLeftovers } from '../machines/find-leftovers.js';
import { leftoverList } from '../machines/views/leftover-list.js';

export default class Gc extends BaseCommand<typeof Gc> {
  static override summary = 'Find and remove orphaned machines, stale records and leftover files';
  static override description =
    `Interrupted commands, lost records and changes in the provider's console leave machines and records
behind; killed scripts, "swarm recover" and "swarm restore" leave files on machines. belt identifies
its machines by the cluster ID, and asks before it removes anything. To restore lost records, use
"belt import --from DRIVER".

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

  async run(): Promise<(BatchReport<string> | Found) & UnqueriedDrivers> {
    const context = await this.context();
    const driver = await context.settings.driver(this.flags.driver);
    const found = await findLeftovers([driver], context);
    const nothing = found.strays.length + found.gone.length + found.files.length === 0;
    this.print(leftoverList(found, { wide: this.wide }));
    if (found.notAsked.length > 0) this.fail();
    if (nothing || this.flags['dry-run']) return { ...namesOf(found), ...unqueriedDrivers(found) };
    if (!this.flags.yes) await this.confirmRemoval(found);
    const outcomes = await removeLeftovers(found, context);
    this.failUnlessOk(outcomes);
    return { ...reportOf(outcomes, (name) => name), ...unqueriedDrivers(found) };
  }

  private async confirmRemoval({ strays, gone, files }: Leftovers): Promise<void> {
    const parts = [
      ...(strays.length > 0 ? [`destroy ${strays.length} of them`] : []),
      ...(gone.length > 0 ? [`forget ${gone.length}`] : []),
      ...(files.length > 0 ? [`delete ${plural(files.length, 'leftover file')}`] : []),
    ];
    const text = parts.join(' and ');
    await this.confirm(`${text.charAt(0).toUpperCase()}${text.slice(1)}?`, 'removed');
  }
}

interface UnqueriedDrivers {
  /** Drivers whose providers could not be queried. Default: none. */
  notAsked?: string[];
}

function unqueriedDrivers({ notAsked }: Leftovers): UnqueriedDrivers {
  return notAsked.length > 0 ? { notAsked } : {};
}

interface Found {
  /** Machines without a record. */
  strays: string[];
  /** Records without a machine. */
  gone: string[];
  /** As `MACHINE:PATH`. Default: none. */
  files?: string[];
}

function namesOf({ strays, gone, files }: Leftovers): Found {
  return {
    strays: strays.map(({ name }) => name),
    gone: gone.map(({ name }) => name),
    ...(files.length > 0 && { files: files.map(({ machine, path }) => `${machine.name}:${path}`) }),
  };
}
