import { formatTable } from '../../ui/table.js';

interface ClusterRow {
  name: string;
  active: boolean;
  leader?: string;
  managers: readonly string[];
  running?: number;
  machines: number;
  errors: readonly string[];
}

export function clusterTable(rows: readonly ClusterRow[], { wide = false } = {}): string {
  return formatTable(
    ['cluster', 'active', 'leader', 'managers', 'machines', ...(wide ? ['errors'] : [])],
    rows.map(({ name, active, leader, managers, running, machines, errors }) => [
      name,
      active ? '*' : '-',
      leader ?? '-',
      managers.join(',') || '-',
      `${running ?? '?'}/${machines}`,
      ...(wide ? [errors.join('; ')] : []),
    ]),
  );
}
