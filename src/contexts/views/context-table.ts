import { formatTable } from '../../ui/table.js';

interface ContextRow {
  name: string;
  machine: string;
  endpoint: string;
}

export function contextTable(rows: readonly ContextRow[]): string {
  return formatTable(
    ['context', 'machine', 'endpoint'],
    rows.map(({ name, machine, endpoint }) => [name, machine, endpoint]),
  );
}
