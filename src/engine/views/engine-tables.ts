import { joinLines } from '../../ui/safe-text.js';
import { formatTable } from '../../ui/table.js';

interface ProvisionedRow {
  name: string;
  version: string;
  changed: boolean;
}

export function provisionedTable(rows: readonly ProvisionedRow[]): string {
  if (rows.length === 0) return '';
  return formatTable(
    ['name', 'docker', 'changed'],
    rows.map(({ name, version, changed }) => [name, version, changed ? 'yes' : 'no']),
  );
}

interface EngineRow {
  name: string;
  system: string;
  version: string;
  url: string;
  provisioner: string;
  settings: { access: string; storageDriver?: string; labels: readonly string[]; tlsSans: readonly string[] };
  pending: readonly string[];
}

/** One row per machine; below, the pending changes. */
export function engineTable(rows: readonly EngineRow[], { wide = false } = {}): string {
  if (rows.length === 0) return '';
  const table = formatTable(
    [
      ...['name', 'access', 'url', 'docker', 'system'],
      ...(wide ? ['provisioner', 'storage driver', 'labels', 'tls sans'] : []),
      'as recorded',
    ],
    rows.map(({ name, settings, url, version, system, provisioner, pending }) => [
      name,
      settings.access,
      url,
      version || '-',
      system,
      ...(wide
        ? [
            provisioner,
            settings.storageDriver ?? '-',
            settings.labels.join(',') || '-',
            settings.tlsSans.join(',') || '-',
          ]
        : []),
      pending.length === 0 ? 'yes' : 'no',
    ]),
  );
  const differing = rows.filter(({ pending }) => pending.length > 0);
  const notes = differing.map(({ name, pending }) =>
    joinLines([`${name}: "belt provision ${name}" would`, ...pending.map((line) => `  ${line}`)]),
  );
  return [table, ...notes].join('\n');
}

export function upgradedTable(rows: readonly { name: string; from: string; to: string }[]): string {
  if (rows.length === 0) return '';
  return formatTable(
    ['name', 'from', 'to'],
    rows.map(({ name, from, to }) => [name, from, from === to ? 'already up to date' : to]),
  );
}

export function renamedTable(rows: readonly { name: string; from: string; to: string }[]): string {
  if (rows.length === 0) return '';
  return formatTable(
    ['name', 'hostname', 'before'],
    rows.map(({ name, from, to }) => [name, to, from]),
  );
}
