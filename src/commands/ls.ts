import { Flags, ux } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { recordedOptions } from '../machines/inspect-machines.js';
import { type SurveyedMachine, surveyMachines } from '../machines/list-states.js';
import { parseFilters } from '../machines/machine-filter.js';
import { formatMachines, machineList, needsEngines } from '../machines/views/machine-list.js';

export default class Ls extends BaseCommand<typeof Ls> {
  static override summary = 'list the machines, with what their engines say';
  static override description =
    `All machines are asked at once, each within its own --timeout; an engine that gives no answer costs its own row and no more.

A format is a Go template over Name, Active, ActiveHost, DriverName, State, URL, Swarm, DockerVersion, EngineOptions, Error and ResponseTime; "table " before it aligns the columns and heads them.`;
  static override flags = {
    quiet: Flags.boolean({ char: 'q', summary: 'names only; no machine is asked' }),
    filter: Flags.string({
      summary: 'only these: name=REGEXP, driver=, state=, swarm=manager or worker, label=KEY=VALUE',
      helpValue: 'KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    format: Flags.string({ char: 'f', summary: 'a line a machine, as a Go template', helpValue: 'TEMPLATE' }),
    timeout: Flags.integer({
      char: 't',
      summary: 'seconds that each machine may take to answer',
      default: 10,
      min: 1,
      helpValue: 'S',
    }),
  };
  static override examples = [
    { description: 'all machines of the cluster in use', command: '<%= config.bin %> ls' },
    { description: 'those that run', command: '<%= config.bin %> ls --filter state=running' },
    { description: 'a format', command: "<%= config.bin %> ls --format '{{.Name}}: {{.URL}}'" },
    { description: 'for scripts', command: '<%= config.bin %> ls --json' },
  ];

  async run(): Promise<SurveyedMachine[]> {
    const { quiet, filter: filters = [], format, timeout } = this.flags;
    const context = await this.context();
    const filter = parseFilters(filters);
    const named = this.output.format === 'name' || (quiet && !this.jsonEnabled());
    const needsStates = filters.some((text) => /^\s*(state|swarm)\s*=/i.test(text));
    if (named && !needsStates) return this.printNames(filter.recorded);
    const rows = await surveyMachines(
      {
        timeoutMs: timeout * 1000,
        dockerHost: await this.variable('DOCKER_HOST'),
        only: filter.recorded,
        engines: format === undefined || needsEngines(format),
      },
      context,
    );
    const shown = rows.filter(filter.asked);
    const names = shown.map(({ name }) => name);
    if (quiet) this.print(names.join('\n'));
    else if (format === undefined) this.print(machineList(shown, { wide: this.wide }));
    else this.print(formatMachines(format, shown, await recordedOptions(names, context)));
    return shown;
  }

  /** Asks no machine. */
  private async printNames(wanted: ReturnType<typeof parseFilters>['recorded']): Promise<[]> {
    const { machines } = await (await this.context()).cluster.machines();
    for (const { name } of machines.filter(wanted)) ux.stdout(name);
    return [];
  }
}
