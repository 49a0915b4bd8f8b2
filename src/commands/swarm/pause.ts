import type { BatchReport } from '../../app/batch-report.js';
import { nodesArgument } from '../../cli/flags.js';
import { NodeCommand } from '../../cli/node-command.js';
import { type AvailabilityChange, setAvailability } from '../../swarm/change-availability.js';

export default class Pause extends NodeCommand<typeof Pause> {
  static override summary = 'Pause nodes: assign no new tasks';
  static override usage = 'swarm pause NODES...';
  static override args = nodesArgument;
  static override examples = [
    { description: 'Pause two nodes', command: '<%= config.bin %> swarm pause node[3:4]' },
  ];

  async run(): Promise<BatchReport<AvailabilityChange & { name: string }>> {
    return this.report(await setAvailability(this.words, 'pause', await this.context()));
  }
}
