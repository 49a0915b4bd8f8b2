import { BaseCommand } from '../../cli/base-command.js';
import { argument, hostFlag } from '../../cli/flags.js';
import { machineFor } from '../../operations/machines/active.js';
import { initSwarm, type SwarmInit } from '../../operations/swarm/init.js';

export default class Init extends BaseCommand<typeof Init> {
  static override summary = 'begin a swarm on a machine';
  static override description =
    'The machine becomes the first manager, and the active machine where none is chosen yet.';
  static override args = {
    node: argument('the first manager; the active machine if absent'),
  };
  static override flags = hostFlag;
  static override examples = [
    { description: 'a swarm of one manager', command: '<%= config.bin %> swarm init node1' },
  ];

  async run(): Promise<SwarmInit> {
    const context = await this.context();
    const host = this.args.node === undefined ? (this.flags.host ?? []) : [this.args.node];
    const swarm = await initSwarm(await machineFor(host, context), context);
    this.print(swarm.message);
    return swarm;
  }
}
