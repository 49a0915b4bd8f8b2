import { join, resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { UsageError } from '../base/errors.js';
import { BaseCommand } from '../cli/base-command.js';
import { argument } from '../cli/flags.js';
import { importStore } from '../clusters/import-store.js';
import { planRebuild, type Rebuild, rebuild } from '../clusters/rebuild-cluster.js';
import { type MachineSummary, summarize } from '../machines/machine-summary.js';
import { machineTable } from '../machines/views/machine-tables.js';
import type { Environment } from '../state/environment.js';

/** How long a machine that runs may take to let belt in. */
const loginTimeoutMs = 15_000;

export default class Import extends BaseCommand<typeof Import> {
  static override summary =
    "take over docker-machine's machines, or bring a lost cluster back from its provider";
  static override description =
    `docker-machine's store becomes a cluster in place: nothing is copied or moved, certificates and keys stay, and docker-machine can go on working with it. PATH is its folder: $MACHINE_STORAGE_PATH, or ~/.docker/machine. Formats of all its versions are read (0.1 to 0.16).

With --from digitalocean or amazonec2 the folder of a cluster is made anew: what belt wrote on the machines at the provider says which they are. Records that exist stay as they are. Where a machine lets in the key that --ssh-key names, or one of your own or of your agent, it gets the cluster's key, and its engine new certificates; otherwise its record comes back all the same, and the same command goes on once there is a key. --cluster NAME or ID says which one, where the account has several.`;
  static override args = { path: argument("docker-machine's store") };
  static override flags = {
    from: Flags.string({
      summary: 'whose machines: docker-machine, or a driver whose provider still has them',
      default: 'docker-machine',
      helpValue: 'docker-machine|DRIVER',
    }),
    as: Flags.string({ summary: "the cluster's name here", helpValue: 'NAME' }),
    'ssh-key': Flags.string({ summary: 'a private key that the machines let in', helpValue: 'FILE' }),
    'dry-run': Flags.boolean({ summary: 'only tell which machines would come back' }),
  };
  static override examples = [
    { description: "take docker-machine's over", command: '<%= config.bin %> import' },
    { description: 'and work with them from now on', command: '<%= config.bin %> use docker-machine' },
    {
      description: 'bring a lost cluster back',
      command: '<%= config.bin %> import --from digitalocean --ssh-key ~/.ssh/id_ed25519',
    },
  ];

  async run(): Promise<BatchReport<string> | MachineSummary[]> {
    const context = await this.context();
    return this.flags.from === 'docker-machine' ? this.takeOver(context) : this.bringBack(context);
  }

  private async takeOver(context: Context): Promise<BatchReport<string>> {
    if (this.flags['dry-run'] || this.flags['ssh-key'] !== undefined)
      throw new UsageError('--dry-run and --ssh-key are for --from DRIVER');
    const name = this.flags.as ?? 'docker-machine';
    const folder = storePath(this.args.path, await this.environment());
    const outcomes = await importStore({ folder, name }, context);
    return this.report(outcomes, name, context);
  }

  private async bringBack(context: Context): Promise<BatchReport<string> | MachineSummary[]> {
    if (this.args.path !== undefined) throw new UsageError('PATH is for --from docker-machine');
    const { from, cluster, as, 'ssh-key': key, 'dry-run': dryRun } = this.flags;
    const found = await planRebuild({ driver: from, cluster, as }, context);
    for (const name of found.kept) context.reporter.note(`${name} is recorded already, and stays as it is`);
    if (dryRun) return this.show(found);
    const keyPath = key === undefined ? {} : { keyPath: await this.resolvePath(key) };
    const outcomes = await rebuild(found, { timeoutMs: loginTimeoutMs, ...keyPath });
    found.context.signal.throwIfAborted();
    return this.report(outcomes, found.context.cluster.name, context);
  }

  private show({ lost, unfinished }: Rebuild): MachineSummary[] {
    const rows = [...unfinished, ...lost].map((one) => summarize({ ...one, active: false }));
    this.print(rows.length > 0 ? machineTable(rows) : 'nothing is lost');
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
      context.reporter.note(`the cluster is "${cluster}" here; work with it: belt use ${cluster}`);
    return report;
  }
}

/** docker-machine's store: the one named, the environment's, or the default one. Absolute. */
function storePath(named: string | undefined, { cwd, home, variables }: Environment): string {
  return resolve(cwd, named ?? (variables['MACHINE_STORAGE_PATH'] || join(home, '.docker', 'machine')));
}
