import { formatTable } from '../../ui/table.js';

/** What `cluster ls` shows of a cluster. */
export interface ClusterRow {
  name: string;
  active: boolean;
  leader?: string;
  managers: readonly string[];
  running?: number;
  machines: number;
}

/** The columns of the 2016 belt. */
export function clusterTable(rows: readonly ClusterRow[]): string {
  return formatTable(
    ['cluster', 'active', 'leader', 'masters', '#nodes'],
    rows.map(({ name, active, leader, managers, running, machines }) => [
      name,
      active ? '*' : '-',
      leader ?? '-',
      managers.join(',') || '-',
      `${running ?? '?'} / ${machines}`,
    ]),
  );
}
