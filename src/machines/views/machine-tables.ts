import { createPaint } from '../../ui/colors.js';
import { oneLine } from '../../ui/safe-text.js';
import { capitalize, formatTable } from '../../ui/table.js';
import type { MachineSize, ProviderRegion } from '../driver-catalogue.js';
import type { MachineState } from '../model/machine.js';
import { formatMemory, formatPrice } from '../model/sizes.js';
import type { MachinePlan } from '../plan-creation.js';

interface MachineRow {
  name: string;
  driver: string;
  state: MachineState;
  address?: string;
  /** As the user wrote it, or the provider's name for it. */
  size?: string;
  /** MiB. */
  memory?: number;
  error?: string;
}

interface StatusRow {
  status: string;
  names: readonly string[];
}

/** The output of `create`. */
export function machineTable(rows: readonly MachineRow[], { wide = false } = {}): string {
  return formatTable(
    ['name', 'driver', 'state', 'ipv4', 'size', ...(wide ? ['memory', 'error'] : [])],
    rows.map(({ name, driver, state, address, size, memory, error }) => [
      name,
      driver,
      capitalize(state),
      address ?? '-',
      size ?? '-',
      ...(wide ? [memory === undefined ? '-' : `${memory}MiB`, error ?? ''] : []),
    ]),
  );
}

/** The output of `status`, as in the 2016 belt. */
export function statusTable(groups: readonly StatusRow[]): string {
  return formatTable(
    ['status', '#nodes', 'names'],
    groups.map(({ status, names }) => [capitalize(status), String(names.length), names.join(', ')]),
  );
}

/** The output of `create --dry-run`: per machine a heading and one line per step, and the total price. */
export function planList(plans: readonly MachinePlan[], { color }: { color: boolean }): string {
  const paint = createPaint(color);
  const lists = plans.map(({ name, address, system, steps }) => {
    const heading = [paint.bold(oneLine(name)), oneLine(address), oneLine(system)].filter(Boolean).join('  ');
    return [heading, ...steps.map((step) => `  - ${oneLine(step)}`)].join('\n');
  });
  const prices = plans.flatMap(({ monthlyPrice }) => monthlyPrice ?? []);
  const total = prices.reduce((sum, price) => sum + price, 0);
  return [...lists, ...(prices.length > 1 ? [`Total: ${formatPrice(total)}`] : [])].join('\n');
}

/** The output of `sizes`. */
export function sizeTable(sizes: readonly MachineSize[], { wide = false } = {}): string {
  return formatTable(
    ['size', 'memory', 'cpus', 'disk', 'price', ...(wide ? ['regions'] : [])],
    sizes.map(({ name, memory, cpus, disk, monthlyPrice, regions }) => [
      name,
      formatMemory(memory),
      cpus === undefined ? '-' : String(cpus),
      disk === undefined ? '-' : `${disk}gb`,
      monthlyPrice === undefined ? '-' : formatPrice(monthlyPrice),
      ...(wide ? [regions?.join(',') ?? '-'] : []),
    ]),
  );
}

/** The output of `regions`. */
export function regionTable(regions: readonly ProviderRegion[]): string {
  return formatTable(
    ['region', 'name', 'available'],
    regions.map(({ name, title, available }) => [name, title ?? '-', available ? 'yes' : 'no']),
  );
}
