import { formatTable } from '../table.js';

interface LeftoverRow {
  name: string;
  driver: string;
  id?: string;
  addresses: { public?: string; private?: string };
}

/** What `gc` found: machines that no record knows, then records of machines that are gone. */
export function leftoverTable({
  strays,
  gone,
}: {
  strays: readonly LeftoverRow[];
  gone: readonly LeftoverRow[];
}): string {
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
