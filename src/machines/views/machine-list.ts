import { statePaint } from '../../ui/colors.js';
import { expandEscapes, type GoValue, parseGoTemplate } from '../../ui/go-template/index.js';
import { oneLine, safeJson } from '../../ui/safe-text.js';
import { alignColumns, capitalize, formatTable } from '../../ui/table.js';
import type { MachineState } from '../model/machine.js';

interface MachineListRow {
  name: string;
  active: boolean;
  driver: string;
  state: MachineState;
  /** For Docker clients. */
  url?: string;
  /** The engine's role in its swarm; empty outside a swarm, undefined when unknown. */
  swarm?: string;
  /** The engine's version; undefined when not queried or unresponsive. */
  docker?: string;
  labels: readonly string[];
  address?: string;
  size?: string;
  error?: string;
  responseMs: number;
}

/** docker-machine's table; `wide` adds belt's own columns. @param width of a terminal */
export function machineList(
  rows: readonly MachineListRow[],
  {
    wide = false,
    width,
    color = false,
  }: { wide?: boolean; width?: number | undefined; color?: boolean } = {},
): string {
  const hasErrors = rows.some(({ error }) => error);
  const paint = statePaint(color);
  const style = {
    paint: (cell: string, column: string) =>
      column === 'errors' ? paint.red(cell) : paint.state(cell, column),
    ...(!wide && { width, optional: hasErrors ? droppable : ['errors', ...droppable] }),
  };
  return formatTable(
    [
      ...['name', 'active', 'driver', 'state', 'url', 'swarm', 'docker'],
      ...(wide ? ['address', 'size', 'labels', 'response'] : []),
      'errors',
    ],
    rows.map((row) => {
      const { Name, Active, DriverName, State, URL, Swarm, DockerVersion, ...fields } = fieldsOf(row);
      const { address = '-', size = '-', labels } = row;
      return [
        ...[Name, Active, DriverName, State, URL, Swarm, DockerVersion],
        ...(wide ? [address, size, labels.join(',') || '-', fields.ResponseTime] : []),
        fields.Error,
      ];
    }),
    style,
  );
}

/** Left out on narrow terminals, in this order. */
const droppable = ['docker', 'driver', 'active', 'url'];

/** The lines of the table that changed since `before`, the headers at first; for `ls --watch`. */
export function changedLines(
  before: readonly MachineListRow[] | undefined,
  rows: readonly MachineListRow[],
  { wide = false } = {},
): string[] {
  const [headers = '', ...lines] = machineList(rows, { wide }).split('\n');
  const known = new Set(before?.map(fingerprint));
  const changed = lines.filter((_, index) => !known.has(fingerprint(rows[index] as MachineListRow)));
  const names = new Set(rows.map(({ name }) => name));
  const removed = before?.filter(({ name }) => !names.has(name)).map(({ name }) => `${name} was removed`);
  return [...(before ? [] : [headers]), ...changed, ...(removed ?? []).map(oneLine)];
}

function fingerprint({ responseMs: _, ...row }: MachineListRow): string {
  return JSON.stringify(row);
}

/** `ls --format`; the prefix `table ` adds aligned headers. @throws UserError for a bad template */
export function formatMachines(
  format: string,
  rows: readonly MachineListRow[],
  options: ReadonlyMap<string, unknown> = new Map(),
): string {
  const [, table, text = ''] = /^(table )?([\s\S]*)$/.exec(expandEscapes(format)) ?? [];
  const template = parseGoTemplate(text, { missing: 'error' });
  const lines = rows.map((row) => {
    const fields = safeJson(fieldsOf(row, options.get(row.name)), { text: oneLine });
    return template.render(JSON.parse(fields) as GoValue);
  });
  if (!table) return lines.join('\n');
  return alignColumns([template.render(headers), ...lines].map((line) => line.split('\t')));
}

/** Whether a format needs the engines, which take time to respond. */
export function needsEngines(format: string): boolean {
  return !/^(?:[^{]|\{\{-?\s*\.(?:Name|Active|ActiveHost|DriverName|State|URL|EngineOptions(?:\.\w+)?)\s*-?\}\})*$/.test(
    format,
  );
}

/** docker-machine's fields. */
function fieldsOf(row: MachineListRow, options?: unknown) {
  const { EngineOptions, SwarmOptions } = (options ?? {}) as {
    EngineOptions?: object;
    SwarmOptions?: object;
  };
  const { name, active, driver, state, url, swarm, docker, labels, error, responseMs } = row;
  return {
    Name: name,
    Active: active ? '*' : '-',
    ActiveHost: active,
    ActiveSwarm: false,
    DriverName: driver,
    State: capitalize(state),
    URL: url ?? '',
    SwarmOptions: { ...SwarmOptions, IsSwarm: Boolean(swarm), Master: swarm === 'manager' },
    Swarm: swarm ?? '',
    EngineOptions: { ...EngineOptions, Labels: labels },
    Error: error ?? '',
    DockerVersion: docker === undefined ? 'Unknown' : `v${docker}`,
    ResponseTime: `${responseMs}ms`,
  };
}

const headers: Record<keyof ReturnType<typeof fieldsOf>, string> = {
  Name: 'NAME',
  Active: 'ACTIVE',
  ActiveHost: 'ACTIVE_HOST',
  ActiveSwarm: 'ACTIVE_SWARM',
  DriverName: 'DRIVER',
  State: 'STATE',
  URL: 'URL',
  SwarmOptions: 'SWARM_OPTIONS',
  Swarm: 'SWARM',
  EngineOptions: 'ENGINE_OPTIONS',
  Error: 'ERRORS',
  DockerVersion: 'DOCKER',
  ResponseTime: 'RESPONSE',
};
