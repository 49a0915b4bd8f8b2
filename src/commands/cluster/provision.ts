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
  static override summary = 'Create or update a cluster to match its config.yml';
  static override description =
    `Applies what "belt cluster plan" shows: creates and starts machines, joins managers one at a time,
joins workers spread over the managers, sets availability and labels, and changes engine options and
sizes. Machines and nodes that are not in any group are kept, unless you use --prune.

Rerun at any time: an interrupted run is resumed.`;
  static override usage = 'cluster provision [--manager NODES] [NODES...]';
  static override strict = false;
  static override args = workersArgument;
  static override flags = {
    ...groupFlags,
    ...forceFlag,
    ...readyTimeoutFlag,
  };
  static override examples = [
    { description: 'Apply config.yml', command: '<%= config.bin %> cluster provision' },
    {
      description: 'Provision without a config.yml',
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
    throw new AbortError('interrupted', { hint: command, cause: error });
  }
}
