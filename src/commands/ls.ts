import { setTimeout as sleep } from 'node:timers/promises';
import { Flags, ux } from '@oclif/core';
import { mayHaveAbandonedManagers } from '../app/abandoned-managers.js';
import type { Context } from '../app/context.js';
import { isAbort, UsageError } from '../base/errors.js';
import { BaseCommand } from '../cli/base-command.js';
import { nodesArgument, timeoutFlag } from '../cli/flags.js';
import { listMachineStates, type MachineStateRow } from '../machines/list-states.js';
import { parseFilters } from '../machines/machine-filter.js';
import { foldNames } from '../machines/model/fold-names.js';
import type { Machine } from '../machines/model/machine.js';
import { selectNames } from '../machines/model/select-names.js';
import { noMachines, recordedOptions } from '../machines/select-machines.js';
import { changedLines, formatMachines, machineList, needsEngines } from '../machines/views/machine-list.js';

const watchIntervalMs = 2_000;
const noMatch = { text: 'No machine matches the filter', next: ['list all machines', 'belt ls'] } as const;

export default class Ls extends BaseCommand<typeof Ls> {
  static override summary = 'List machines';
  static override description =
    `All machines are queried at once, each within --timeout. An unresponsive engine only affects its own
row.

The fields of --format are Name, Active, ActiveHost, DriverName, State, URL, Swarm, DockerVersion,
EngineOptions, Error and ResponseTime. A leading "table " aligns the columns and prints headers.`;
  static override usage = 'ls [NODES...]';
  static override strict = false;
  static override args = nodesArgument;
  static override flags = {
    filter: Flags.string({
      summary: 'Filter by name=REGEXP, driver=, state=, swarm=manager|worker or label=KEY=VALUE',
      helpValue: 'KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    format: Flags.string({
      char: 'f',
      summary: 'Format output using a Go template, or json',
      helpValue: 'TEMPLATE',
    }),
    watch: Flags.boolean({ char: 'w', summary: 'Keep listing: redraw the table, or print changed rows' }),
    ...timeoutFlag('Timeout per machine in seconds', 10, { char: 't' }),
  };
  static override examples = [
    { description: 'List all machines', command: '<%= config.bin %> ls' },
    { description: 'List some machines', command: "<%= config.bin %> ls 'node[1:4]'" },
    { description: 'List running machines', command: '<%= config.bin %> ls --filter state=running' },
    { description: 'Watch machines until Ctrl-C', command: '<%= config.bin %> ls --watch' },
    { description: 'Use a template', command: "<%= config.bin %> ls --format '{{.Name}}: {{.URL}}'" },
    { description: 'Print JSON for scripts', command: '<%= config.bin %> ls --json' },
  ];

  async run(): Promise<MachineStateRow[]> {
    const { quiet, filter: filters = [], format, timeout } = this.flags;
    if (this.flags.watch && (quiet || format !== undefined || this.jsonEnabled()))
      throw new UsageError('--watch prints a table: it cannot be combined with -q, --format or -o');
    const context = await this.context();
    const filter = parseFilters(filters);
    const isNamed = await this.nameFilter(context);
    const only = (machine: Machine): boolean => isNamed(machine) && filter.recorded(machine);
    const named = this.output.format === 'name' || (quiet && !this.jsonEnabled());
    const needsStates = filters.some((text) => /^\s*(state|swarm)\s*=/i.test(text));
    if (named && !needsStates) return this.printNames(only);
    const dockerHost = await this.variable('DOCKER_HOST');
    const list = (): Promise<MachineStateRow[]> =>
      listMachineStates(
        {
          timeoutMs: timeout * 1000,
          dockerHost,
          only,
          engines: format === undefined || needsEngines(format),
        },
        context,
      );
    if (this.flags.watch) return this.watch(async () => (await list()).filter(filter.queried), context);
    const rows = await list();
    const shown = rows.filter(filter.queried);
    const names = shown.map(({ name }) => name);
    await this.warnOfAbandoned(rows, context);
    if (quiet) this.print(names.join('\n'));
    else if (format === undefined)
      this.printRows(shown, machineList(shown, this.tableStyle), filters.length > 0 ? noMatch : noMachines);
    else this.print(formatMachines(format, shown, await recordedOptions(names, context)));
    return shown;
  }

  /** Until Ctrl-C: redraws the table at a terminal, else prints changed rows. */
  private async watch(list: () => Promise<MachineStateRow[]>, { signal }: Context): Promise<[]> {
    const { wide } = this;
    const { LiveTable } = await import('../ui/live-table.js');
    const area = process.stdout.isTTY ? new LiveTable(process.stdout) : undefined;
    let before: MachineStateRow[] | undefined;
    try {
      for (;;) {
        const rows = await list();
        if (area) area.draw(machineList(rows, this.tableStyle));
        else for (const line of changedLines(before, rows, { wide })) this.print(line);
        before = rows;
        await sleep(watchIntervalMs, undefined, { signal });
      }
    } catch (error) {
      if (isAbort(error) && signal.aborted) return [];
      throw error;
    }
  }

  /** Managers of a second swarm with the same ID, if a recovery by belt left them behind. */
  private async warnOfAbandoned(rows: readonly MachineStateRow[], context: Context): Promise<void> {
    if (!mayHaveAbandonedManagers(context.cluster.folder)) return;
    const abandoned = await (await context.abandonedManagers()).names();
    const running = rows.filter(({ name, swarm }) => swarm === 'manager' && abandoned.has(name));
    if (running.length === 0) return;
    const names = foldNames(running.map(({ name }) => name)).join(' ');
    context.reporter.warn(
      `a recovery of the swarm left ${names} behind, but ${running.length === 1 ? 'it runs as a manager' : 'they run as managers'}: belt swarm status`,
    );
  }

  /** Selects the machines on the command line; all by default. */
  private async nameFilter({ cluster }: Context): Promise<(machine: Machine) => boolean> {
    if (this.words.length === 0) return () => true;
    const { machines, damaged } = await cluster.machines();
    const known = [...machines, ...damaged].map(({ name }) => name);
    const chosen = new Set(selectNames(this.words, known));
    return ({ name }) => chosen.has(name);
  }

  /** Makes no network requests. */
  private async printNames(wanted: (machine: Machine) => boolean): Promise<[]> {
    const { machines } = await (await this.context()).cluster.machines();
    for (const { name } of machines.filter(wanted)) ux.stdout(name);
    return [];
  }
}
