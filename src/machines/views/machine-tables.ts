import { capitalize, formatTable } from '../../ui/table.js';
import type { MachineState } from '../model/machine.js';

/** What tables show of a machine. */
export interface MachineRow {
  name: string;
  driver: string;
  state: MachineState;
  /** The address people reach it at. */
  address?: string;
  /** As the person wrote it, or what the provider calls it. */
  size?: string;
}

export interface StatusRow {
  status: string;
  names: readonly string[];
}

/** What `create` ends with. */
export function machineTable(rows: readonly MachineRow[]): string {
  return formatTable(
    ['name', 'driver', 'state', 'ipv4', 'size'],
    rows.map((row) => [row.name, row.driver, capitalize(row.state), row.address ?? '-', row.size ?? '-']),
  );
}

/** `status`, as the 2016 belt printed it. */
export function statusTable(groups: readonly StatusRow[]): string {
  return formatTable(
    ['status', '#nodes', 'names'],
    groups.map(({ status, names }) => [status, String(names.length), names.join(', ')]),
  );
}
