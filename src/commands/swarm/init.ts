import { Flags } from '@oclif/core';
import type { Context } from '../../app/context.js';
import { quoteArgs } from '../../base/quote-args.js';
import { BaseCommand } from '../../cli/base-command.js';
import { argument, hostFlag, nodeOrHost } from '../../cli/flags.js';
import { initFlags, initInputFrom } from '../../cli/swarm-flags.js';
import { machineFor } from '../../machines/active-machine.js';
import { foldNames } from '../../machines/model/fold-names.js';
import { initSwarm, type SwarmInit } from '../../swarm/init-swarm.js';

export default class Init extends BaseCommand<typeof Init> {
  static override printsSecrets = true;
  static override summary = 'Initialize a swarm';
  static override description =
    `The machine becomes the first manager, and the active machine if none is set. It advertises its
private address, or its public one if it has no other. Durations are written as in docker: 2160h,
1h30m, 5s.`;
  static override args = {
    node: argument('First manager (default: the active machine)'),
  };
  static override flags = {
    ...hostFlag,
    ...initFlags,
    force: Flags.boolean({
      summary: 'With --force-new-cluster: even if the swarm has a leader and other managers',
    }),
  };
  static override examples = [
    { description: 'Initialize a swarm with one manager', command: '<%= config.bin %> swarm init node1' },
    {
      description: 'Use a dedicated manager and other networks',
      command: '<%= config.bin %> swarm init node1 --availability drain --default-addr-pool 172.30.0.0/16',
    },
  ];

  async run(): Promise<SwarmInit> {
    const context = await this.context();
    const host = nodeOrHost(this.args.node, this.flags.host);
    const input = { ...initInputFrom(this.flags), force: this.flags.force };
    const swarm = await initSwarm(await machineFor(host, context), input, context);
    this.print(swarm.message);
    await this.suggestJoin(swarm.manager, context);
    return swarm;
  }

  private async suggestJoin(manager: string, { cluster }: Context): Promise<void> {
    const { machines } = await cluster.machines();
    const others = machines.map(({ name }) => name).filter((name) => name !== manager);
    const nodes = others.length > 0 ? quoteArgs(foldNames(others)) : 'NODES';
    this.suggest('add machines to this swarm', `belt swarm join ${manager} ${nodes}`);
  }
}
