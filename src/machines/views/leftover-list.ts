import { joinLines } from '../../ui/safe-text.js';
import { formatTable } from '../../ui/table.js';

interface LeftoverRow {
  name: string;
  driver: string;
  id?: string;
  addresses: { public?: string; private?: string };
}

interface FoundLeftovers {
  strays: readonly LeftoverRow[];
  gone: readonly LeftoverRow[];
  files: readonly { machine: LeftoverRow; path: string }[];
  /** Drivers whose providers could not be queried. */
  notAsked: readonly string[];
}

export function leftoverList(found: FoundLeftovers, { wide = false } = {}): string {
  const { strays, gone, files, notAsked } = found;
  const isEmpty = strays.length + gone.length + files.length === 0;
  const warnings = notAsked.map(
    (driver) => `${driver} could not be queried: orphaned machines there are not listed`,
  );
  if (isEmpty && warnings.length === 0) return 'No orphaned machines found';
  return [...(isEmpty ? [] : [leftoverTable(found, wide)]), joinLines(warnings)].filter(Boolean).join('\n');
}

function leftoverTable({ strays, gone, files }: FoundLeftovers, wide: boolean): string {
  const row = ({ name, driver, id, addresses }: LeftoverRow, found: string): string[] => [
    name,
    driver,
    id ?? '-',
    addresses.public ?? addresses.private ?? '-',
    ...(wide ? [addresses.private ?? '-'] : []),
    found,
  ];
  return formatTable(
    ['name', 'driver', 'id', 'address', ...(wide ? ['private address'] : []), 'found'],
    [
      ...strays.map((machine) => row(machine, 'machine without a record')),
      ...gone.map((machine) => row(machine, 'record without a machine')),
      ...files.map(({ machine, path }) => row(machine, path)),
    ],
  );
}
