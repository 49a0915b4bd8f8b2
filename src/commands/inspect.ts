import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { allFlag, nodesArgument } from '../cli/flags.js';
import { asGoValue } from '../cli/output.js';
import { namedOrActive } from '../machines/default-machine.js';
import { inspectMachines } from '../machines/select-machines.js';
import { formatWithTemplate } from '../ui/go-template/index.js';
import { safeJson } from '../ui/safe-text.js';

export default class Inspect extends BaseCommand<typeof Inspect> {
  static override summary = "Show a machine's record as JSON";
  static override description =
    `Without NODES, uses the active machine, or else the one named "default". Reads local records only;
makes no network requests.`;
  static override usage = 'inspect [NODES...]';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = {
    ...allFlag,
    format: Flags.string({
      char: 'f',
      summary: 'Format output using a Go template, or json',
      helpValue: 'TEMPLATE',
    }),
  };
  static override examples = [
    { description: 'Show one machine', command: '<%= config.bin %> inspect node1' },
    { description: 'Show one field', command: "<%= config.bin %> inspect -f '{{.Driver.IPAddress}}' node1" },
    {
      description: 'Show a part as JSON',
      command: "<%= config.bin %> inspect -f '{{json .HostOptions.EngineOptions}}' node1",
    },
  ];

  async run(): Promise<unknown> {
    const { all, format } = this.flags;
    const context = await this.context();
    const nodes = all ? this.words : await namedOrActive(this.words, context.cluster);
    const documents = await inspectMachines(nodes, context, { all });
    const result = documents.length === 1 && !all ? documents[0] : documents;
    if (format === undefined) this.print(safeJson(result, { indent: 4 }));
    else for (const document of documents) this.log(formatWithTemplate(format, asGoValue(document)));
    return result;
  }
}
