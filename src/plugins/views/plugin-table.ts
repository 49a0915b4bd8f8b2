import { formatTable } from '../../ui/table.js';

interface PluginRow {
  driver: string;
  package?: string;
  version?: string;
  summary?: string;
  linkedTo?: string;
  error?: string;
}

export function pluginTable(rows: readonly PluginRow[]): string {
  return formatTable(
    ['driver', 'package', 'version', 'description'],
    rows.map((row) => [row.driver, row.package ?? '-', versionOf(row), row.error ?? row.summary ?? '-']),
  );
}

function versionOf({ version = '-', linkedTo }: PluginRow): string {
  return linkedTo === undefined ? version : `${version} (${linkedTo})`;
}
