import { BaseCommand } from '../../cli/base-command.js';
import { argument, hostFlag, nodeOrHost } from '../../cli/flags.js';
import { machineFor } from '../../machines/active-machine.js';
import { listNodes, type NodeRow } from '../../swarm/session.js';
import { swarmTable } from '../../swarm/views/node-tables.js';

export default class SwarmLs extends BaseCommand<typeof SwarmLs> {
  static override summary = 'List the nodes of a swarm';
  static override args = {
    node: argument('Manager of the swarm (default: the active machine, or any manager)'),
  };
  static override flags = hostFlag;
  static override examples = [
    { description: 'List the nodes of the active swarm', command: '<%= config.bin %> swarm ls' },
    { description: 'List nodes as seen by a manager', command: '<%= config.bin %> swarm ls node1' },
  ];

  async run(): Promise<NodeRow[]> {
    const context = await this.context();
    const host = nodeOrHost(this.args.node, this.flags.host);
    const manager = host.length > 0 ? await machineFor(host, context) : undefined;
    const nodes = await listNodes(manager, context);
    this.print(swarmTable(nodes, this.tableStyle));
    return nodes;
  }
}
