import { Flags } from '@oclif/core';
import type { BatchReport } from '../../app/batch-report.js';
import { UsageError } from '../../base/errors.js';
import { nodesArgument, requiredArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { availabilityFlag } from '../../cli/swarm-flags.js';
import { selectMachine, selectMachines } from '../../machines/select-machines.js';
import { type Joined, joinSwarm } from '../../swarm/join-swarm.js';

export default class SwarmJoin extends NodeCommand<typeof SwarmJoin> {
  static override summary = 'let machines join the swarm of a manager';
  static override description =
    `Each has joined when its engine and the managers agree on it. Workers are spread over all managers; where one goes away meanwhile, its
workers join at another. A machine that does not get in is looked at: which ports are closed to it, and whether clocks and packet sizes fit.`;
  static override usage = 'swarm join MANAGER NODES... [--manager]';
  static override args = {
    manager: requiredArgument('a manager of the swarm'),
    ...nodesArgument,
  };
  static override flags = {
    manager: Flags.boolean({
      summary: 'as managers, one after the other; otherwise as workers, at the same time',
    }),
    ...availabilityFlag,
  };
  static override examples = [
    { description: 'three workers', command: '<%= config.bin %> swarm join node1 node[2:4]' },
    { description: 'two more managers', command: '<%= config.bin %> swarm join --manager node1 node[2:3]' },
    {
      description: 'managers that run nothing else',
      command: '<%= config.bin %> swarm join --manager --availability drain node1 node[2:3]',
    },
  ];

  async run(): Promise<BatchReport<Joined & { name: string }>> {
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
    return this.report(outcomes, { named: true });
  }

  /** Who invites, and who joins. */
  protected parties(): { manager?: string | undefined; nodes: readonly string[] } {
    const [manager, ...nodes] = this.words;
    if (nodes.length > 0) return { manager, nodes };
    throw new UsageError('no machines named that should join', { hint: 'belt swarm join MANAGER NODES' });
  }
}
