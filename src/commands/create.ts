import { Flags, type Interfaces } from '@oclif/core';
import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import { AbortError, isAbort } from '../base/errors.js';
import { quoteArgs } from '../base/quote-args.js';
import { BaseCommand } from '../cli/base-command.js';
import {
  builtInDriverFlags,
  builtInSecretFlags,
  flagsOf,
  refuseFlagsOfOtherDrivers,
  secretFlagsOf,
} from '../cli/driver-flags.js';
import { driverIn } from '../cli/driver-help.js';
import { engineFlags, givenEngineSettings } from '../cli/engine-flags.js';
import { argument, driverFlag, readyTimeoutFlag } from '../cli/flags.js';
import { installGivenCertificates } from '../cli/given-certificates.js';
import { oldSwarmFlags, refuseOldSwarm } from '../cli/old-swarm-flags.js';
import { pluginDriversIn } from '../cli/open-drivers.js';
import { redactedCommandLine } from '../cli/redacted-command-line.js';
import { type CreateInput, createMachines } from '../machines/create-machines.js';
import { type MachineSummary, runningSummary } from '../machines/list-machines.js';
import { foldNames } from '../machines/model/fold-names.js';
import { expandNames } from '../machines/model/patterns.js';
import { type MachinePlan, planMachines } from '../machines/plan-creation.js';
import { sizeAndNodes } from '../machines/read-create-words.js';
import { machineTable, planList } from '../machines/views/machine-tables.js';

const settingFlags = await builtInDriverFlags();
const builtInSecrets = await builtInSecretFlags();

export default class Create extends BaseCommand<typeof Create> {
  static override summary = 'Create machines with Docker Engine installed';
  static override description =
    `SIZE is an amount of memory (512mb, 2g: the cheapest size with at least that much) or the provider's
own name of a size (t3.small). All other words are names of machines.

Rerun the same command to resume an interrupted create.`;
  static override usage = 'create [SIZE] NODES...';
  static override strict = false;
  static override args = {
    size: argument("Memory amount or the provider's size"),
    nodes: argument('Names and patterns such as node[1:4]'),
  };
  static override namesNewCluster = true;
  static override flags = {
    ...driverFlag(),
    size: Flags.string({ summary: 'Size of the machines, like SIZE', helpValue: 'SIZE' }),
    ...settingFlags,
    ...engineFlags,
    ...oldSwarmFlags,
    'dry-run': Flags.boolean({
      summary: 'Show what would be created, or changed on existing servers, without doing it',
    }),
    'on-failure': Flags.string({
      summary: 'Keep machines that fail, so that a rerun resumes, or remove them',
      options: ['keep', 'remove'],
      default: 'keep',
    }),
    ...readyTimeoutFlag,
  };
  static override examples = [
    {
      description: 'Create four machines with 512 MB each',
      command: '<%= config.bin %> create 512mb node[1:4]',
    },
    {
      description: 'Create the same on Amazon EC2',
      command: '<%= config.bin %> create -d ec2 512mb node[1:4]',
    },
    { description: 'Create one machine of the default size', command: '<%= config.bin %> create node1' },
    {
      description: 'Show names, sizes and prices of new machines',
      command: '<%= config.bin %> create -d digitalocean --dry-run 2gb node[1:4]',
    },
    {
      description: 'Show what adopting existing servers would change',
      command: '<%= config.bin %> create -d generic --generic-ip-address 10.0.0.[11:14] --dry-run node[1:4]',
    },
  ];

  private secretFlags = builtInSecrets;

  async run(): Promise<BatchReport<MachineSummary> | BatchReport<MachinePlan>> {
    refuseOldSwarm(this.flags);
    const context = await this.context();
    const driver = await context.settings.driver(this.flags.driver);
    await refuseFlagsOfOtherDrivers(this.flags, await context.drivers.load(driver));
    const { size, nodes } = await sizeAndNodes({ words: this.words, size: this.flags.size, driver }, context);
    const names = expandNames(nodes);
    const input = {
      names,
      driver,
      engine: await context.settings.engine(givenEngineSettings(this.flags)),
      timeoutMs: this.flags.timeout * 1000,
      removeFailed: this.flags['on-failure'] === 'remove',
      ...(size !== undefined && { size }),
    };
    if (this.flags['dry-run']) return this.showPlan(input, context);
    await announceNewCluster(context);
    await installGivenCertificates(this.flags, await this.environment(), context);
    const outcomes = await createMachines(input, context).catch((error) => this.interrupted(error));
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (_, machine) => runningSummary(machine));
    if (report.ok.length > 0) this.print(machineTable(report.ok, { wide: this.wide }));
    if (report.failed.length > 0) await this.explainFailure(report.failed, context);
    else await this.suggestSwarm(names, context);
    return report;
  }

  protected override async moreFlags(): Promise<Interfaces.FlagInput> {
    const drivers = await pluginDriversIn(this.typed);
    this.secretFlags = [...builtInSecrets, ...drivers.flatMap(secretFlagsOf)];
    return Object.assign({}, ...drivers.map(flagsOf));
  }

  /** With the driver, whose flags its help shows. */
  protected override get commandName(): string {
    const driver = driverIn(this.typed);
    return driver === undefined ? super.commandName : `${super.commandName} -d ${driver}`;
  }

  private async showPlan(input: CreateInput, context: Context): Promise<BatchReport<MachinePlan>> {
    const outcomes = await planMachines(input, context);
    this.failUnlessOk(outcomes);
    const report = reportOf(outcomes, (_, plan) => plan);
    this.print(planList(report.ok, { color: this.color }));
    return report;
  }

  private interrupted(error: unknown): never {
    throw isAbort(error) ? new AbortError('interrupted', { hint: this.sameCommand, cause: error }) : error;
  }

  private async suggestSwarm(
    [first = '', ...others]: readonly string[],
    { cluster }: Context,
  ): Promise<void> {
    const manager = (await cluster.activeMachine()) ?? first;
    const nodes = [first, ...others].filter((name) => name !== manager);
    if (manager === first) this.suggest('build a swarm', `belt swarm init ${manager}`);
    else this.suggest('add them to a swarm', `belt swarm join ${manager} ${quoteArgs(foldNames(nodes))}`);
  }

  private async explainFailure(failed: readonly { name: string }[], context: Context): Promise<void> {
    const { reporter, cluster } = context;
    if (this.flags['on-failure'] === 'remove') {
      reporter.note('Failed machines were removed');
      return;
    }
    const recorded = new Set((await cluster.machines()).machines.map(({ name }) => name));
    const remaining = failed.map(({ name }) => name).filter((name) => recorded.has(name));
    const purpose = remaining.length > 0 ? 'resume' : 'retry';
    reporter.note(`To ${purpose}, run: ${this.sameCommand}`);
    if (remaining.length === 0) return;
    const names = quoteArgs([foldNames(remaining).join(',')]);
    reporter.note(`To remove the failed machines, run: belt rm -f ${names}`);
  }

  /** Machines that exist are recorded, so the same command resumes. */
  protected override get sameCommand(): string {
    return redactedCommandLine(['belt', 'create', ...this.typed], this.secretFlags);
  }
}

/** A mistyped name must not go unnoticed. */
async function announceNewCluster({ cluster, clusters, reporter }: Context): Promise<void> {
  if (cluster.byFolder || (await clusters.names()).includes(cluster.name)) return;
  reporter.note(`Creating cluster "${cluster.name}"`);
}
