import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { dockerClient, requireDockerClient } from '../../cli/docker-client.js';
import { allFlag, nodesArgument } from '../../cli/flags.js';
import { createContext, type DockerContext, sshConfigPath } from '../../contexts/docker-contexts.js';
import { selectMachines } from '../../machines/select-machines.js';

export default class ContextCreate extends BaseCommand<typeof ContextCreate> {
  static override summary = 'make native docker contexts that lead to machines';
  static override description =
    `The context of node1 is called belt-node1, that of a cluster with a name of its own belt-CLUSTER-node1. It holds a copy of the client certificates: make it anew after they changed.

With --ssh it leads through SSH; docker runs the system's ssh, which must know the machines: one line in ~/.ssh/config, which is told, does that.`;
  static override usage = 'context create [--ssh] NODES...';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    ssh: Flags.boolean({ summary: 'through SSH instead of TLS' }),
  };
  static override examples = [
    { description: 'over TLS', command: '<%= config.bin %> context create node1' },
    { description: 'use it', command: 'docker --context belt-node1 ps' },
  ];

  async run(): Promise<DockerContext[]> {
    await requireDockerClient(await this.environment());
    const context = await this.context();
    const made: DockerContext[] = [];
    // One after the other: the client's store has no lock.
    for (const machine of await selectMachines(this.words, context, { all: this.flags.all })) {
      made.push(await createContext({ machine, ssh: this.flags.ssh }, dockerClient, context));
    }
    this.print(made.map(({ name }) => name).join('\n'));
    if (this.flags.ssh)
      context.reporter.note(
        `the system's ssh finds the machines with this line at the top of ~/.ssh/config: Include "${sshConfigPath(context)}"`,
      );
    return made;
  }
}
