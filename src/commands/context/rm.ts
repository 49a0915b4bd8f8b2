import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import { dockerClient, requireDockerClient } from '../../cli/docker-client.js';
import { allFlag, nodesArgument } from '../../cli/flags.js';
import { removeContexts } from '../../contexts/docker-contexts.js';

export default class ContextRm extends BaseCommand<typeof ContextRm> {
  static override summary = 'Remove the docker contexts of machines';
  static override usage = 'context rm NODES...';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    force: Flags.boolean({ char: 'f', summary: 'Also remove the context in use' }),
  };
  static override examples = [
    { description: 'Remove one context', command: '<%= config.bin %> context rm node1' },
  ];

  async run(): Promise<string[]> {
    await requireDockerClient(await this.environment());
    const context = await this.context();
    const { all, force } = this.flags;
    const removed = await removeContexts({ nodes: this.words, all, force }, dockerClient, context);
    this.print(removed.join('\n'));
    return removed;
  }
}
