import { formatTable } from '../../ui/table.js';

interface LeftoverRow {
  name: string;
  driver: string;
  id?: string;
  addresses: { public?: string; private?: string };
}

interface Found {
  strays: readonly LeftoverRow[];
  gone: readonly LeftoverRow[];
  /** Drivers whose providers could not be asked. */
  notAsked: readonly string[];
}

/** What `gc` found: machines that no record knows, then records of machines that are gone; and where it could not look. */
export function leftoverList(found: Found): string {
  const { strays, gone, notAsked } = found;
  const isEmpty = strays.length + gone.length === 0;
  const gaps = notAsked.map((driver) => `${driver} was not asked: what is left over there is not known`);
  if (isEmpty && gaps.length === 0) return 'No orphaned machines found';
  return [...(isEmpty ? [] : [leftoverTable(found)]), ...gaps].join('\n');
}

function leftoverTable({ strays, gone }: Found): string {
  const row = ({ name, driver, id, addresses }: LeftoverRow, found: string): string[] => [
    name,
    driver,
    id ?? '-',
    addresses.public ?? addresses.private ?? '-',
    found,
  ];
  return formatTable(
    ['name', 'driver', 'id', 'address', 'found'],
    [
      ...strays.map((machine) => row(machine, 'exists, no record knows it')),
      ...gone.map((machine) => row(machine, 'recorded, but gone')),
    ],
  );
}
