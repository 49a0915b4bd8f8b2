import { BaseCommand } from '../../cli/base-command.js';
import { argument, hostFlag, nodeOrHost } from '../../cli/flags.js';
import { machineFor } from '../../machines/active-machine.js';
import { type SwarmStatus, swarmStatus } from '../../swarm/swarm-status.js';
import { swarmStatusView } from '../../swarm/views/status-view.js';

export default class Status extends BaseCommand<typeof Status> {
  static override summary = 'Show swarm health: quorum, nodes, certificates, zones';
  static override description =
    `Queries every manager, since a leader notices failures late. Without a quorum, each machine shows its
own view. The exit code is 1 without a quorum and while a second swarm with the same ID runs, and 0
with other warnings, such as nodes that are down. The place of a node comes from its labels "region" and "zone", or from its provider.`;
  static override args = {
    node: argument('Manager of the swarm (default: the active machine, or any manager)'),
  };
  static override flags = hostFlag;
  static override examples = [
    { description: 'Show the active swarm', command: '<%= config.bin %> swarm status' },
    { description: 'Print JSON for scripts', command: '<%= config.bin %> swarm status --json' },
  ];

  async run(): Promise<SwarmStatus> {
    const context = await this.context();
    const host = nodeOrHost(this.args.node, this.flags.host);
    const manager = host.length > 0 ? await machineFor(host, context) : undefined;
    const status = await swarmStatus(manager, context);
    this.print(swarmStatusView(status, this.width));
    if (!status.quorum || status.splitManagers.length > 0) this.fail();
    return status;
  }
}
