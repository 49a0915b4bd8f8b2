import { AbortError, isAbort } from '../../base/errors.js';
import { BaseCommand } from '../../cli/base-command.js';
import { forceFlag, readyTimeoutFlag } from '../../cli/flags.js';
import { installGivenCertificates } from '../../cli/given-certificates.js';
import { groupFlags, groupWords, workersArgument } from '../../cli/group-flags.js';
import { redactedCommandLine } from '../../cli/redacted-command-line.js';
import { type ProvisionReport, provisionCluster } from '../../clusters/provision-cluster.js';
import { wantedGroups } from '../../clusters/requested-groups.js';
import { failureList, noChangeText, stageText } from '../../clusters/views/plan-view.js';

export default class ClusterProvision extends BaseCommand<typeof ClusterProvision> {
  static override summary = 'make a cluster what config.yml says, from nothing or from what is there';
  static override description =
    `Does what "belt cluster plan" shows: machines are made and started, all at the same time; managers join one by one, each when the
one before takes part; then workers join, spread over the managers; then availability and labels are set, engines told what is new, and sizes changed. What no group names stays,
unless --prune.

It may be called again at any time: what is done already is not done again, and what was interrupted goes on.`;
  static override usage = 'cluster provision [--manager NODES] [NODES...]';
  static override strict = false;
  static override args = workersArgument;
  static override flags = {
    ...groupFlags,
    ...forceFlag,
    ...readyTimeoutFlag,
  };
  static override examples = [
    { description: 'by config.yml', command: '<%= config.bin %> cluster provision' },
    {
      description: 'without a config.yml',
      command:
        '<%= config.bin %> cluster provision --manager mg[0:2] --manager-size 1gb --worker-size 512mb node[1:4]',
    },
  ];

  async run(): Promise<ProvisionReport> {
    const context = await this.context();
    const groups = await wantedGroups(groupWords(this.flags, this.words), context);
    await installGivenCertificates(this.flags, await this.environment(), context);
    const { prune, force, timeout } = this.flags;
    const report = await provisionCluster(
      { groups, prune, force, timeoutMs: timeout * 1000, onStage: (ends) => this.print(stageText(ends)) },
      context,
    ).catch((error) => this.interrupted(error));
    if (report.done.length + report.failed.length === 0) this.print(noChangeText(report));
    if (report.failed.length === 0 && report.left.length === 0) return report;
    this.fail();
    context.reporter.note(failureList(report));
    return report;
  }

  private interrupted(error: unknown): never {
    if (!isAbort(error)) throw error;
    const command = redactedCommandLine(['belt', 'cluster', 'provision', ...this.typed]);
    throw new AbortError('interrupted', { hint: `go on with the same command: ${command}`, cause: error });
  }
}
