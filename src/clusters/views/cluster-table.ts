import { formatTable } from '../../ui/table.js';
import { oneLine } from '../../ui/text-width.js';

/** What `cluster ls` shows of a cluster. */
export interface ClusterRow {
  name: string;
  active: boolean;
  leader?: string;
  managers: readonly string[];
  running?: number;
  machines: number;
  errors: readonly string[];
}

/** The columns of the 2016 belt; `wide` adds what could not be queried. */
export function clusterTable(rows: readonly ClusterRow[], { wide = false } = {}): string {
  return formatTable(
    ['cluster', 'active', 'leader', 'masters', '#nodes', ...(wide ? ['errors'] : [])],
    rows.map(({ name, active, leader, managers, running, machines, errors }) => [
      name,
      active ? '*' : '-',
      leader ?? '-',
      managers.join(',') || '-',
      `${running ?? '?'} / ${machines}`,
      ...(wide ? [oneLine(errors.join('; '))] : []),
    ]),
  );
}
