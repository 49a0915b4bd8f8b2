import { closest } from '../../base/closest.js';
import { UserError } from '../../base/errors.js';
import { formatMemory, parseSize } from '../../machines/model/sizes.js';
import type { Size } from './api-types.js';

/**
 * The size for what the person wrote: of a memory amount the cheapest with at least that much that the region has now, or the slug.
 * @throws UserError when there is none
 */
export function chooseSize(wanted: string, sizes: readonly Size[], region: string): Size {
  const there = sizes.filter((size) => size.available && size.regions.includes(region));
  const memory = parseSize(wanted)?.memoryMb;
  const found = memory === undefined ? there.find(({ slug }) => slug === wanted) : cheapest(there, memory);
  if (found) return found;
  const elsewhere = sizes.filter((size) => size.slug === wanted || size.memory >= (memory ?? Infinity));
  throw elsewhere.length > 0 ? notThere(wanted, elsewhere, region) : noSize(wanted, there);
}

/** `s-1vcpu-512mb-10gb (512mb, 1 vCPU, 10 GB disk)` */
export function describeSize({ slug, memory, vcpus, disk }: Size): string {
  return `${slug} (${formatMemory(memory)}, ${vcpus} vCPU${vcpus === 1 ? '' : 's'}, ${disk} GB disk)`;
}

/** `$4.00 a month` */
export function formatPrice(dollars: number): string {
  return `$${dollars.toFixed(2)} a month`;
}

function cheapest(sizes: readonly Size[], memory: number): Size | undefined {
  const enough = sizes.filter((size) => size.memory >= memory);
  return enough.sort((a, b) => a.price_monthly - b.price_monthly || a.memory - b.memory)[0];
}

function notThere(wanted: string, sizes: readonly Size[], region: string): UserError {
  const regions = [...new Set(sizes.flatMap((size) => (size.available ? size.regions : [])))].sort();
  const hint = regions.length > 0 ? `these regions do: ${regions.join(', ')}` : 'no region does at this time';
  return new UserError(`${region} has no droplets of size ${wanted} now`, { hint });
}

function noSize(wanted: string, sizes: readonly Size[]): UserError {
  const suggestion = closest(
    wanted,
    sizes.map(({ slug }) => slug),
  );
  return new UserError(`"${wanted}" is no size of DigitalOcean's`, {
    hint: suggestion ? `did you mean "${suggestion}"?` : 'as in: 512mb, 2gb, s-1vcpu-1gb',
  });
}
