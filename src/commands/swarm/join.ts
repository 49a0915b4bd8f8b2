import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { UsageError } from '../../base/errors.js';
import { exceptFlag, nodesArgument, requiredArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { availabilityFlag } from '../../cli/swarm-flags.js';
import { selectMachine, selectMachines } from '../../machines/select-machines.js';
import { type JoinedMember, joinSwarm } from '../../swarm/join-swarm.js';

export default class SwarmJoin extends NodeCommand<typeof SwarmJoin> {
  static override summary = 'Join machines to a swarm';
  static override description =
    `A machine has joined when its engine and the managers agree. Workers are spread over all managers. If
a machine cannot join, belt checks ports, clocks and packet sizes and reports the cause.`;
  static override usage = 'swarm join MANAGER NODES... [--manager]';
  static override args = {
    manager: requiredArgument('Manager of the swarm'),
    ...nodesArgument,
  };
  static override flags = {
    ...exceptFlag,
    manager: Flags.boolean({
      summary: 'Join as managers, one at a time (default: as workers)',
    }),
    ...availabilityFlag,
  };
  static override examples = [
    { description: 'Join three workers', command: '<%= config.bin %> swarm join node1 node[2:4]' },
    {
      description: 'Join two more managers',
      command: '<%= config.bin %> swarm join --manager node1 node[2:3]',
    },
    {
      description: 'Join dedicated managers',
      command: '<%= config.bin %> swarm join --manager --availability drain node1 node[2:3]',
    },
  ];

  async run(): Promise<BatchReport<JoinedMember & { name: string }>> {
    const { manager, nodes } = this.parties();
    const context = await this.context();
    const outcomes = await joinSwarm(
      {
        manager: manager === undefined ? undefined : await selectMachine(manager, context),
        machines: await selectMachines(nodes, context),
        role: this.flags.manager ? 'manager' : 'worker',
        availability: this.flags.availability,
      },
      context,
    );
    const report = await this.report(outcomes, { named: true });
    if (report.failed.length === 0) this.suggest('check the swarm', 'belt swarm status');
    return report;
  }

  protected parties(): { manager?: string | undefined; nodes: readonly string[] } {
    const [manager, ...nodes] = this.words;
    if (nodes.length > 0) return { manager, nodes };
    throw new UsageError('no machine specified', { hint: 'belt swarm join MANAGER NODES' });
  }
}
