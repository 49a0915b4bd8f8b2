import { closest, nameHint } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import { formatMemory, parseSize } from '../../machines/model/sizes.js';
import type { Machine, MachineSize, ProviderRegion, SettingValues } from '../driver.js';
import { recordedSetting } from '../kit/define-settings.js';
import type { DropletSize, Region } from './api-types.js';

/** By slug, or the cheapest with at least that memory. @throws UserError if unavailable there */
export function chooseSize(wanted: string, sizes: readonly DropletSize[], region: string): DropletSize {
  const available = sizes.filter((size) => size.available && size.regions.includes(region));
  const memory = parseSize(wanted)?.memoryMb;
  const found =
    memory === undefined ? available.find(({ slug }) => slug === wanted) : cheapest(available, memory);
  if (found) return found;
  const elsewhere = sizes.filter((size) => size.slug === wanted || size.memory >= (memory ?? Infinity));
  throw elsewhere.length > 0 ? unavailable(wanted, elsewhere, region) : unknownSize(wanted, available);
}

/** `s-1vcpu-512mb-10gb (512mb, 1 vCPU, 10 GB disk)` */
export function describeSize({ slug, memory, vcpus, disk }: DropletSize): string {
  return `${slug} (${formatMemory(memory)}, ${vcpus} vCPU${vcpus === 1 ? '' : 's'}, ${disk} GB disk)`;
}

/** The cheapest first. */
export function machineSizes(sizes: readonly DropletSize[]): MachineSize[] {
  return sizes
    .filter(({ available }) => available)
    .sort((a, b) => a.price_monthly - b.price_monthly || a.memory - b.memory)
    .map(({ slug, memory, vcpus, disk, price_monthly, regions }) => ({
      name: slug,
      memory,
      cpus: vcpus,
      disk,
      monthlyPrice: price_monthly,
      regions: [...regions].sort(),
    }));
}

export function providerRegions(regions: readonly Region[]): ProviderRegion[] {
  return regions
    .map(({ slug, name, available }) => ({ name: slug, title: name, available }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function cheapest(sizes: readonly DropletSize[], memory: number): DropletSize | undefined {
  const enough = sizes.filter((size) => size.memory >= memory);
  return enough.sort((a, b) => a.price_monthly - b.price_monthly || a.memory - b.memory)[0];
}

function unavailable(wanted: string, sizes: readonly DropletSize[], region: string): UserError {
  const regions = [...new Set(sizes.flatMap((size) => (size.available ? size.regions : [])))].sort();
  const hint =
    regions.length > 0
      ? `use one of the regions: ${regions.join(', ')}`
      : 'choose another size; no region has it now';
  return new UserError(`size ${wanted} is not available in ${region}`, { hint });
}

function unknownSize(wanted: string, sizes: readonly DropletSize[]): UserError {
  const suggestion = closest(
    wanted,
    sizes.map(({ slug }) => slug),
  );
  return new UserError(`unknown DigitalOcean size "${wanted}"`, {
    hint: suggestion ? `did you mean "${suggestion}"?` : 'use a size such as 512mb, 2gb or s-1vcpu-1gb',
  });
}

/** From the machine's name (`sgp1-node1`), else the configured one. @throws UserError */
export function regionFor(name: string, configured: string, regions: readonly Region[]): string {
  const prefix = name.includes('-') ? name.slice(0, name.indexOf('-')) : undefined;
  const wanted = regions.find(({ slug }) => slug === prefix)?.slug ?? configured;
  const region = regions.find(({ slug }) => slug === wanted);
  const open = regions.filter(({ available }) => available).map(({ slug }) => slug);
  if (region?.available) return wanted;
  const problem = region
    ? `region ${wanted} accepts no new droplets at this time`
    : `unknown DigitalOcean region "${wanted}"`;
  throw new UserError(problem, { hint: nameHint(wanted, open.sort()) });
}

/** The region that a machine was created in, unless its name chose it. */
export function configuredRegion(machine: Pick<Machine, 'name' | 'driverData'>): SettingValues {
  const recorded = recordedSetting(machine, 'region');
  return machine.name.startsWith(`${recorded['region']}-`) ? {} : recorded;
}
