import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { argument, hostFlag, nodeOrHost } from '../../cli/flags.js';
import { initFlags, initInputFrom } from '../../cli/swarm-flags.js';
import { machineFor } from '../../machines/active-machine.js';
import { initSwarm, type SwarmInit } from '../../swarm/init-swarm.js';

export default class Init extends BaseCommand<typeof Init> {
  static override summary = 'begin a swarm on a machine';
  static override description =
    `The machine becomes the first manager, and the active machine where none is chosen yet. Its private address is what other nodes are
told, or its public one where it has no other. Durations are written as docker writes them: 2160h, 1h30m, 5s.`;
  static override args = {
    node: argument('the first manager; the active machine if absent'),
  };
  static override flags = {
    ...hostFlag,
    ...initFlags,
    force: Flags.boolean({
      summary: 'with --force-new-cluster: even where the swarm has other managers and a leader',
    }),
  };
  static override examples = [
    { description: 'a swarm of one manager', command: '<%= config.bin %> swarm init node1' },
    {
      description: 'a manager that runs nothing else, and networks of its own',
      command: '<%= config.bin %> swarm init node1 --availability drain --default-addr-pool 172.30.0.0/16',
    },
  ];

  async run(): Promise<SwarmInit> {
    const context = await this.context();
    const host = nodeOrHost(this.args.node, this.flags.host);
    const input = { ...initInputFrom(this.flags), force: this.flags.force };
    const swarm = await initSwarm(await machineFor(host, context), input, context);
    this.print(swarm.message);
    return swarm;
  }
}
