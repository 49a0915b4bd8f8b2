import { BaseCommand } from '../../cli/base-command.js';
import { dockerClient, requireDockerClient } from '../../cli/docker-client.js';
import { type DockerContext, listContexts } from '../../contexts/docker-contexts.js';
import { contextTable } from '../../contexts/views/context-table.js';

export default class ContextLs extends BaseCommand<typeof ContextLs> {
  static override summary = 'List the docker contexts of machines';
  static override examples = [{ description: 'List all contexts', command: '<%= config.bin %> context ls' }];

  async run(): Promise<DockerContext[]> {
    await requireDockerClient(await this.environment());
    const contexts = await listContexts(dockerClient);
    this.printRows(contexts, contextTable(contexts), {
      text: 'No docker context belongs to a machine',
      next: ['create them', 'belt context create NODES'],
    });
    return contexts;
  }
}
