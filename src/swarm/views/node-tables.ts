import { statePaint } from '../../ui/colors.js';
import { capitalize, formatTable } from '../../ui/table.js';

/** As in the Engine API. */
interface SwarmRow {
  name: string;
  role: string;
  status: string;
  availability: string;
  leader: boolean;
  reachability?: string;
  address?: string;
  engineVersion?: string;
  id?: string;
  managerAddress?: string;
  labels?: Readonly<Record<string, string>>;
}

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || '-'
  );
}

/** The columns of `docker node ls`, with role and address. */
export function swarmTable(
  rows: readonly SwarmRow[],
  {
    wide = false,
    width,
    color = false,
  }: { wide?: boolean; width?: number | undefined; color?: boolean } = {},
): string {
  return formatTable(
    [
      ...['node', 'role', 'status', 'availability', 'manager status', 'address', 'engine'],
      ...(wide ? ['id', 'manager address', 'labels'] : []),
    ],
    rows.map((row) => [
      row.name,
      row.role,
      capitalize(row.status),
      capitalize(row.availability),
      row.leader ? 'Leader' : capitalize(row.reachability ?? '-'),
      row.address || '-',
      row.engineVersion || '-',
      ...(wide ? [row.id ?? '-', row.managerAddress ?? '-', labelText(row.labels)] : []),
    ]),
    {
      paint: statePaint(color).state,
      ...(!wide && { width, optional: ['engine', 'role', 'address', 'availability'] }),
    },
  );
}

interface UpgradePlanRow {
  name: string;
  role: string;
  availability: string;
  steps: readonly string[];
  resumed: boolean;
}

export function upgradePlanTable(rows: readonly UpgradePlanRow[], { wide = false } = {}): string {
  return formatTable(
    ['node', 'role', 'availability', ...(wide ? ['resumed'] : []), 'steps'],
    rows.map(({ name, role, availability, resumed, steps }) => [
      name,
      role,
      capitalize(availability),
      ...(wide ? [resumed ? 'yes' : 'no'] : []),
      steps.join(', ') || 'nothing to do',
    ]),
  );
}
