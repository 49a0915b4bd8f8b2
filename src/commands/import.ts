import { join, resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { UsageError } from '../base/errors.js';
import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { importStore } from '../clusters/import-store.js';
import { planRebuild, type RebuildPlan, rebuildCluster } from '../clusters/rebuild-cluster.js';
import { type MachineSummary, summarize } from '../machines/list-machines.js';
import { machineTable } from '../machines/views/machine-tables.js';
import type { Environment } from '../state/environment.js';

/** How long a running machine may take to accept the login. */
const loginTimeoutMs = 15_000;

export default class Import extends BaseCommand<typeof Import> {
  static override summary = "Import docker-machine's machines, or rebuild a lost cluster from its provider";
  static override description =
    `docker-machine's store becomes a cluster in place: nothing is copied, certificates and keys stay, and
docker-machine keeps working with it. It reads the formats of all versions, 0.1 to 0.16.

With --from digitalocean or amazonec2, the cluster folder is rebuilt from the tags of the machines at
the provider. Existing records stay unchanged. Machines that accept --ssh-key, one of
your own keys or a key of your agent get the cluster's key and new certificates. The others only get a
record: rerun the command when you have a key that they accept. If the account has several clusters,
select one with --cluster NAME or ID.`;
  static override args = {
    path: argument("Folder of docker-machine's store (default: $MACHINE_STORAGE_PATH, or ~/.docker/machine)"),
  };
  static override namesNewCluster = true;
  static override flags = {
    from: Flags.string({
      summary: 'Import from docker-machine, or from the provider of a driver',
      default: 'docker-machine',
      helpValue: 'docker-machine|DRIVER',
    }),
    as: Flags.string({ summary: 'Name of the cluster', helpValue: 'NAME' }),
    'ssh-key': Flags.string({ summary: 'Private key that the machines accept', helpValue: 'FILE' }),
    'dry-run': Flags.boolean({ summary: 'Show which machines would be imported, without importing them' }),
  };
  static override examples = [
    { description: "Import docker-machine's machines", command: '<%= config.bin %> import' },
    { description: 'Switch to the imported cluster', command: '<%= config.bin %> use docker-machine' },
    {
      description: 'Rebuild a lost cluster',
      command: '<%= config.bin %> import --from digitalocean --ssh-key ~/.ssh/id_ed25519',
    },
  ];

  async run(): Promise<BatchReport<string> | MachineSummary[]> {
    const context = await this.context();
    return this.flags.from === 'docker-machine' ? this.importMachines(context) : this.rebuild(context);
  }

  private async importMachines(context: Context): Promise<BatchReport<string>> {
    if (this.flags['dry-run'] || this.flags['ssh-key'] !== undefined)
      throw new UsageError('--dry-run and --ssh-key require --from DRIVER');
    const name = this.flags.as ?? 'docker-machine';
    const folder = storePath(this.args.path, await this.environment());
    const outcomes = await importStore({ folder, name }, context);
    return this.report(outcomes, name, context);
  }

  private async rebuild(context: Context): Promise<BatchReport<string> | MachineSummary[]> {
    if (this.args.path !== undefined) throw new UsageError('PATH requires --from docker-machine');
    const { from, cluster, as, 'ssh-key': key, 'dry-run': dryRun } = this.flags;
    const found = await planRebuild({ driver: from, cluster, as }, context);
    for (const name of found.unchanged)
      context.reporter.note(`${name} already has a record, which stays unchanged`);
    if (dryRun) return this.show(found);
    const keyPath = key === undefined ? {} : { keyPath: await this.resolvePath(key) };
    const outcomes = await rebuildCluster(found, { timeoutMs: loginTimeoutMs, ...keyPath });
    found.context.signal.throwIfAborted();
    return this.report(outcomes, found.context.cluster.name, context);
  }

  private show({ lost, unfinished }: RebuildPlan): MachineSummary[] {
    const rows = [...unfinished, ...lost].map((one) => summarize({ ...one, active: false }));
    this.print(rows.length > 0 ? machineTable(rows, { wide: this.wide }) : 'nothing to import');
    return rows;
  }

  private report(
    outcomes: readonly Outcome<unknown>[],
    cluster: string,
    context: Context,
  ): BatchReport<string> {
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (machine) => machine);
    this.print(report.ok.join('\n'));
    if (cluster !== context.cluster.name)
      context.reporter.note(`Imported as cluster "${cluster}"; to switch to it: belt use ${cluster}`);
    return report;
  }
}

/** docker-machine's store as an absolute path: the argument, the environment's, or the default. */
function storePath(named: string | undefined, { cwd, home, variables }: Environment): string {
  return resolve(cwd, named ?? (variables['MACHINE_STORAGE_PATH'] || join(home, '.docker', 'machine')));
}
