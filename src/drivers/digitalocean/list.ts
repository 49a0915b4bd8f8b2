import type { Machine, ObservedMachine } from '../../machines/machine.js';
import { type Cloud, clusterDroplets } from './cloud.js';
import { addressesOf, pick, stateOf } from './droplets.js';
import { foreignDroplets } from './lifecycle.js';
import type { Droplet } from './types.js';

/** The known machines as they are, then those of the cluster that are not known. */
export async function list(
  cloud: Cloud,
  known: readonly Machine[],
  signal: AbortSignal,
): Promise<ObservedMachine[]> {
  const there = await clusterDroplets(cloud, signal);
  const foreign = await foreignDroplets(cloud, known, there, signal);
  const matched = new Set<Droplet>();
  const ofKnown = known.map((machine): ObservedMachine => {
    const droplet = pick([...there, ...foreign], machine);
    if (!droplet) return { name: machine.name, state: 'missing' };
    matched.add(droplet);
    return { ...observed(cloud, droplet), name: machine.name };
  });
  const others = there
    .filter((droplet) => !matched.has(droplet))
    .map((droplet) => ({ ...observed(cloud, droplet), size: droplet.size_slug }));
  return [...ofKnown, ...others];
}

function observed({ settings }: Cloud, droplet: Droplet): ObservedMachine {
  const { id, name, memory } = droplet;
  return { name, id: String(id), state: stateOf(droplet), addresses: addressesOf(droplet, settings), memory };
}
