import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArgument, yesFlag } from '../../cli/flags.js';
import { type ClusterRemoval, planRemoval, removeCluster } from '../../clusters/remove-cluster.js';
import { confirm, declinedError } from '../../ui/prompt.js';

export default class ClusterRm extends BaseCommand<typeof ClusterRm> {
  static override summary = 'Remove a cluster with its settings, keys and certificates';
  static override description =
    `Refused while it has machines, unless --force removes them first. If it was in use, belt switches to
"default".`;
  static override args = {
    name: requiredArgument('Cluster'),
  };
  static override flags = {
    ...yesFlag,
    force: Flags.boolean({ char: 'f', summary: 'Also remove its machines' }),
  };
  static override examples = [
    { description: 'Remove an empty cluster', command: '<%= config.bin %> cluster rm swarm3k' },
    {
      description: 'Remove a cluster and its machines',
      command: '<%= config.bin %> cluster rm --force --yes swarm2k',
    },
  ];

  async run(): Promise<{ removed: string; machines: string[] }> {
    const { yes, force } = this.flags;
    const context = await this.context();
    const doomed = await planRemoval(this.args.name, { force }, context);
    if (!yes && !(await this.agreed(doomed))) throw declinedError('removed');
    const outcomes = await removeCluster(doomed, context);
    this.print(doomed.name);
    return { removed: doomed.name, machines: outcomes.map(({ name }) => name) };
  }

  private async agreed({ name, link, machines }: ClusterRemoval): Promise<boolean> {
    const what = link
      ? `the name ${name} (its folder stays)`
      : `cluster ${name}, its settings, keys and certificates`;
    const names = machines.map((machine) => machine.name).join(', ');
    const also = names === '' ? '' : `, and remove ${names}`;
    process.stderr.write(`About to delete ${what}${also}\n`);
    return confirm('Are you sure? (y/n): ', { input: process.stdin, output: process.stderr });
  }
}
