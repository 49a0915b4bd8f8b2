import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type AvailabilityChange, setAvailability } from '../../swarm/change-availability.js';

export default class Activate extends NodeCommand<typeof Activate> {
  static override summary = 'Activate nodes: let them accept tasks again';
  static override usage = 'swarm activate NODES...';
  static override args = nodesArgument;
  static override examples = [
    { description: 'Activate a node after maintenance', command: '<%= config.bin %> swarm activate node4' },
  ];

  async run(): Promise<BatchReport<AvailabilityChange & { name: string }>> {
    return this.report(await setAvailability(this.words, 'active', await this.context()));
  }
}
