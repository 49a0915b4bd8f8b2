import { BaseCommand } from '../cli/base-command.js';
import { nodesArgument } from '../cli/flags.js';
import { inspectMachines } from '../operations/machines/inspect.js';

export default class Inspect extends BaseCommand<typeof Inspect> {
  static override summary = 'all that is recorded of a machine, as JSON';
  static override usage = 'inspect NODES...';
  static override strict = false;
  static override args = nodesArgument;
  static override examples = [{ description: 'one machine', command: '<%= config.bin %> inspect node1' }];

  async run(): Promise<unknown> {
    const documents = await inspectMachines(this.words, await this.context());
    const result = documents.length === 1 ? documents[0] : documents;
    this.print(JSON.stringify(result, null, 4));
    return result;
  }
}
