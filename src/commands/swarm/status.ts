import { BaseCommand } from '../../cli/base-command.js';
import { argument, hostFlag, nodeOrHost } from '../../cli/flags.js';
import { machineFor } from '../../machines/active-machine.js';
import { type SwarmStatus, swarmStatus } from '../../swarm/swarm-status.js';
import { swarmStatusView } from '../../swarm/views/status-view.js';

export default class Status extends BaseCommand<typeof Status> {
  static override summary = 'how a swarm is: quorum, nodes, certificates, spread over zones';
  static override description =
    `Managers are asked themselves, since a leader notices late that one has failed. Without a quorum the exit code is 1, and each machine
tells its own part. The place of a node is its labels "region" and "zone", else what its provider says.`;
  static override args = {
    node: argument('a manager of the swarm; the active machine, or another manager, if absent'),
  };
  static override flags = hostFlag;
  static override examples = [
    { description: 'the swarm of this cluster', command: '<%= config.bin %> swarm status' },
    { description: 'for programs', command: '<%= config.bin %> swarm status --json' },
  ];

  async run(): Promise<SwarmStatus> {
    const context = await this.context();
    const host = nodeOrHost(this.args.node, this.flags.host);
    const manager = host.length > 0 ? await machineFor(host, context) : undefined;
    const status = await swarmStatus(manager, context);
    this.print(swarmStatusView(status, process.stdout.isTTY ? process.stdout.columns : undefined));
    if (!status.quorum) this.fail();
    return status;
  }
}
