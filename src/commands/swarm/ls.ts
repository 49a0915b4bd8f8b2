import { BaseCommand } from '../../cli/base-command.js';
import { argument, hostFlag, nodeOrHost } from '../../cli/flags.js';
import { machineFor } from '../../machines/active-machine.js';
import { listNodes, type SwarmNode } from '../../swarm/list-nodes.js';
import { swarmTable } from '../../swarm/views/node-tables.js';

export default class SwarmLs extends BaseCommand<typeof SwarmLs> {
  static override summary = 'list the nodes of a swarm';
  static override args = {
    node: argument('a manager of the swarm; the active machine, or another manager, if absent'),
  };
  static override flags = hostFlag;
  static override examples = [
    { description: 'as the active machine knows them', command: '<%= config.bin %> swarm ls' },
    { description: 'as another manager knows them', command: '<%= config.bin %> swarm ls node1' },
  ];

  async run(): Promise<SwarmNode[]> {
    const context = await this.context();
    const host = nodeOrHost(this.args.node, this.flags.host);
    const manager = host.length > 0 ? await machineFor(host, context) : undefined;
    const nodes = await listNodes(manager, context);
    this.print(swarmTable(nodes, { wide: this.wide }));
    return nodes;
  }
}
