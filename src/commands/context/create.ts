import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { dockerClient, requireDockerClient } from '../../cli/docker-client.js';
import { allFlag, nodesArgument } from '../../cli/flags.js';
import { createContext, type DockerContext, sshConfigPath } from '../../contexts/docker-contexts.js';
import { selectMachines } from '../../machines/select-machines.js';

export default class ContextCreate extends BaseCommand<typeof ContextCreate> {
  static override summary = 'Create docker contexts for machines';
  static override description =
    `The context of node1 is named belt-node1, or belt-CLUSTER-node1 if the cluster is not "default".
It contains a copy of the client certificates: create it again after they change.

With --ssh, docker runs the system's ssh, which needs one line in ~/.ssh/config; belt prints it.`;
  static override usage = 'context create [--ssh] NODES...';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    ssh: Flags.boolean({ summary: 'Use SSH instead of TLS' }),
  };
  static override examples = [
    { description: 'Create a context', command: '<%= config.bin %> context create node1' },
    { description: 'Use it', command: 'docker --context belt-node1 ps' },
  ];

  async run(): Promise<DockerContext[]> {
    await requireDockerClient(await this.environment());
    const context = await this.context();
    const created: DockerContext[] = [];
    // One at a time: the docker client does not lock its store.
    for (const machine of await selectMachines(this.words, context, { all: this.flags.all })) {
      created.push(await createContext({ machine, ssh: this.flags.ssh }, dockerClient, context));
    }
    this.print(created.map(({ name }) => name).join('\n'));
    if (this.flags.ssh)
      context.reporter.note(`Add this line at the top of ~/.ssh/config: Include "${sshConfigPath(context)}"`);
    return created;
  }
}
