import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { nodesArgument, requiredArgument } from '../../cli/flags.js';
import { explanationOf, UsageError } from '../../errors.js';
import type { Outcome } from '../../operations/fan-out.js';
import { selectMachines } from '../../operations/machines/select.js';
import { type BatchReport, reportOf } from '../../operations/machines/summary.js';
import { type Joined, joinSwarm } from '../../operations/swarm/join.js';

export default class Join extends BaseCommand<typeof Join> {
  static override summary = 'let machines join the swarm of a manager';
  static override usage = 'swarm join MANAGER NODES...';
  static override strict = false;
  static override args = {
    manager: requiredArgument('a manager of the swarm'),
    ...nodesArgument,
  };
  static override flags = {
    manager: Flags.boolean({
      summary: 'as managers, one after the other; otherwise as workers, at the same time',
    }),
  };
  static override examples = [
    { description: 'three workers', command: '<%= config.bin %> swarm join node1 node[2:4]' },
    { description: 'two more managers', command: '<%= config.bin %> swarm join --manager node1 node[2:3]' },
  ];

  async run(): Promise<BatchReport<Joined & { name: string }>> {
    const [managerName = '', ...nodes] = this.words;
    if (nodes.length === 0)
      throw new UsageError('no machines named that should join', { hint: 'belt swarm join MANAGER NODES' });
    const context = await this.context();
    const [manager] = await selectMachines([managerName], context);
    if (!manager) throw new Error(`no machine for ${managerName}`);
    const machines = await selectMachines(nodes, context);
    const role = this.flags.manager ? 'manager' : 'worker';
    const onEnd = (name: string, outcome: Outcome<Joined>): void => this.show(name, outcome);
    const outcomes = await joinSwarm({ manager, machines, role, onEnd }, context);
    this.settle(outcomes);
    return reportOf(outcomes, (name, joined) => ({ name, ...joined }));
  }

  private show(name: string, outcome: Outcome<Joined>): void {
    if (outcome.status === 'ok') this.print(`${name}: ${outcome.value.message}`);
    if (outcome.status === 'failed') this.logToStderr(`${name}: ${explanationOf(outcome.error)}`);
  }
}
