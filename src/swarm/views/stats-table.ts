import { formatBytes } from '../../machines/views/image-tables.js';
import { formatTable } from '../../ui/table.js';

interface StatsRow {
  task: string;
  node: string;
  cpuPercent?: number;
  memory?: number;
  memoryLimit?: number;
  received?: number;
  sent?: number;
  pids?: number;
  error?: string;
}

/** The columns of `docker stats`. @param width in cells */
export function statsTable(rows: readonly StatsRow[], width?: number): string {
  const columns = ['task', 'node', 'cpu %', 'memory', 'limit', 'net in', 'net out', 'pids'];
  const hasErrors = rows.some(({ error }) => error !== undefined);
  return formatTable(
    hasErrors ? [...columns, 'error'] : columns,
    rows.map(({ task, node, cpuPercent, error, pids, ...bytes }) => [
      task,
      node,
      cpuPercent === undefined ? '-' : `${cpuPercent.toFixed(2)}%`,
      formatAmount(bytes.memory),
      formatAmount(bytes.memoryLimit || undefined),
      formatAmount(bytes.received),
      formatAmount(bytes.sent),
      pids === undefined ? '-' : String(pids),
      ...(hasErrors ? [error ?? ''] : []),
    ]),
    width === undefined ? {} : { width },
  );
}

function formatAmount(bytes: number | undefined): string {
  return bytes === undefined ? '-' : formatBytes(bytes);
}
