import { formatTable } from '../../ui/table.js';

interface ImageRow {
  name: string;
  id?: string;
  /** Bytes on disk. */
  size: number;
  /** ISO 8601. */
  builtAt: string;
  /** How many machines use it. */
  machines?: number;
}

export function imageTable(rows: readonly ImageRow[], now: Date, { wide = false } = {}): string {
  const withIds = wide || rows.some(({ id }) => id !== undefined);
  return formatTable(
    ['name', ...(withIds ? ['id'] : []), 'size', 'built', ...(wide ? ['built at', 'bytes'] : []), 'machines'],
    rows.map(({ name, id = '-', size, builtAt, machines = '-' }) => [
      name,
      ...(withIds ? [id] : []),
      formatBytes(size),
      formatAge(builtAt, now),
      ...(wide ? [builtAt, String(size)] : []),
      String(machines),
    ]),
  );
}

interface SnapshotRow {
  machine: string;
  name: string;
  id: string;
}

export function snapshotTable(rows: readonly SnapshotRow[]): string {
  return formatTable(
    ['machine', 'name', 'id'],
    rows.map(({ machine, name, id }) => [machine, name, id]),
  );
}

/** Decimal units with three digits, as in docker: `619MB`, `1.24GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))}${units[power]}`;
}

const ages: readonly [name: string, seconds: number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** `3 days ago`; `-` for an invalid timestamp. */
export function formatAge(timestamp: string, now: Date): string {
  const seconds = Math.floor((now.getTime() - Date.parse(timestamp)) / 1000);
  if (Number.isNaN(seconds)) return '-';
  const [name, length] = ages.find(([, atLeast]) => seconds >= atLeast) ?? [];
  if (name === undefined || length === undefined) return 'just now';
  const count = Math.floor(seconds / length);
  return `${count} ${name}${count === 1 ? '' : 's'} ago`;
}
