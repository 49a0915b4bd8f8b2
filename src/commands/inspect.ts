import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument } from '../cli/flags.js';
import { namedOrChosen } from '../machines/default-machine.js';
import { inspectMachines } from '../machines/inspect-machines.js';
import { formatWithTemplate, type GoValue } from '../ui/go-template/index.js';

export default class Inspect extends BaseCommand<typeof Inspect> {
  static override summary = 'all that is recorded of a machine, as JSON or by a Go template';
  static override description =
    'Without NODES it is the active machine, or else the one called "default". Nobody is asked over the network.';
  static override usage = 'inspect [NODES...]';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    format: Flags.string({
      char: 'f',
      summary: 'a Go template; functions json and prettyjson',
      helpValue: 'TEMPLATE',
    }),
  };
  static override examples = [
    { description: 'one machine', command: '<%= config.bin %> inspect node1' },
    { description: 'one field', command: "<%= config.bin %> inspect -f '{{.Driver.IPAddress}}' node1" },
    {
      description: 'a part as JSON',
      command: "<%= config.bin %> inspect -f '{{json .HostOptions.EngineOptions}}' node1",
    },
  ];

  async run(): Promise<unknown> {
    const { all, format } = this.flags;
    const context = await this.context();
    const nodes = all ? this.words : await namedOrChosen(this.words, context.cluster);
    const documents = await inspectMachines(nodes, context, { all });
    const result = documents.length === 1 && !all ? documents[0] : documents;
    if (format === undefined) this.print(JSON.stringify(result, null, 4));
    else for (const document of documents) this.log(formatWithTemplate(format, asJson(document)));
    return result;
  }
}

/** Without what JSON has no word for. */
function asJson(document: unknown): GoValue {
  return JSON.parse(JSON.stringify(document)) as GoValue;
}
